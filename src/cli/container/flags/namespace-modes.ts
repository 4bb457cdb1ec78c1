import { sentenceOf } from "../../../base/failure.ts";
import { parseUserNamespaceMode } from "../../../spec/user-namespace-mode.ts";
import { optionFailure } from "../../flags/flag.ts";
import type { ContainerValues } from "./container-flags.ts";

/** The namespace modes of a HostConfig. Throws optionFailure() in Docker's words. */
export function parseNamespaces(values: ContainerValues): Readonly<Record<string, string>> {
  const { pid, uts, ipc, cgroupns } = values;
  if (!isShared(pid)) throw optionFailure("--pid: invalid PID mode");
  if (!isShared(uts)) throw optionFailure("--uts: invalid UTS mode");
  if (!isShared(ipc) && !["none", "private", "shareable"].includes(ipc)) {
    throw optionFailure("--ipc: invalid IPC mode");
  }
  if (!["", "host", "private"].includes(cgroupns)) throw optionFailure("--cgroupns: invalid CGROUP mode");
  return {
    ...present("PidMode", pid),
    ...present("UTSMode", uts),
    ...present("IpcMode", ipc),
    ...present("CgroupnsMode", cgroupns),
    ...present("UsernsMode", parseUserNamespace(values)),
  };
}

function isShared(mode: string): boolean {
  return mode === "" || mode === "host" || isContainer(mode);
}

function isContainer(mode: string): boolean {
  return /^container:.+$/.test(mode);
}

function present(name: string, mode: string): Readonly<Record<string, string>> {
  return mode === "" ? {} : { [name]: mode };
}

export type UserNamespaceValues = Pick<
  ContainerValues,
  "userns" | "uidmap" | "gidmap" | "subuidname" | "subgidname"
>;

/**
 * `--uidmap` and `--gidmap` are other words for `--userns private:uidmap=…`. Empty: nothing is asked. Throws
 * optionFailure().
 */
export function parseUserNamespace(values: UserNamespaceValues): string {
  const { userns: mode, uidmap, gidmap, subuidname, subgidname } = values;
  if (`${mode}${subuidname}${subgidname}` === "" && uidmap.length === 0 && gidmap.length === 0) return "";
  const maps = [...uidmap.map((range) => `uidmap=${range}`), ...gidmap.map((range) => `gidmap=${range}`)];
  if (maps.length > 0 && mode !== "" && mode !== "private") {
    throw optionFailure(`--userns: "${mode}" cannot be used with --uidmap and --gidmap`);
  }
  if (subuidname !== "" || subgidname !== "") {
    if (maps.length > 0 || (mode !== "" && mode !== "private"))
      throw optionFailure("--subuidname and --subgidname cannot be used with --userns, --uidmap or --gidmap");
    maps.push(`subuid=${subuidname || subgidname}`, `subgid=${subgidname || subuidname}`);
  }
  const text = maps.length === 0 ? mode : `private:${maps.join(",")}`;
  try {
    parseUserNamespaceMode(text);
  } catch (thrown) {
    throw optionFailure(`--userns: invalid USER mode: ${sentenceOf(thrown)}`);
  }
  return text;
}
