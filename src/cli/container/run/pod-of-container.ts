import type { Call } from "../../command.ts";
import { optionFailure } from "../../flags/flag.ts";
import type { Making } from "./create.ts";
import { readFile } from "../flags/parsers/key-value-file.ts";
import type { ContainerValues } from "../flags/container-flags.ts";

const newMark = "new:";

/** The name of a pod that is made for the container (`--pod new:NAME`); undefined where none is. */
export function newPodName({ pod }: Pick<ContainerValues, "pod">): string | undefined {
  return pod.startsWith(newMark) ? pod.slice(newMark.length) : undefined;
}

/** Creates the pod of `--pod new:NAME`; undefined without one. */
export function makePodOf(call: Call<ContainerValues>): Making["makePod"] {
  const name = newPodName(call.values);
  if (name === undefined) return undefined;
  return async () => {
    const { makePod } = await import("../../pod/new-pod.ts"); // seldom wanted, so not loaded
    return await makePod(call, { client: await call.client(), name });
  };
}

/** The pod that `--pod` or `--pod-id-file` names, new or not; undefined for none. Throws optionFailure(). */
export function podNamed(
  values: Pick<ContainerValues, "pod" | "pod-id-file">,
  cwd: string,
): string | undefined {
  const { pod, "pod-id-file": file } = values;
  if (file === "") return pod === "" ? undefined : (newPodName(values) ?? pod);
  if (pod !== "") throw optionFailure("conflicting options: --pod and --pod-id-file");
  return readPodId(file, cwd);
}

/** Throws optionFailure() for a file that can't be read, or has no id. */
export function readPodId(file: string, cwd: string): string {
  const id = readFile(file, cwd).toString("utf8").trim();
  if (/^[0-9a-f]{12,64}$/.test(id)) return id;
  throw optionFailure(`--pod-id-file: no pod ID in ${file}`);
}

/**
 * The options for the network, the host name and the user namespace apply to the pod that is created for the container.
 */
export function withoutPodWishes(values: ContainerValues): ContainerValues {
  if (newPodName(values) === undefined) return values;
  return {
    ...values,
    network: [],
    "network-alias": [],
    ip: "",
    ip6: "",
    "link-local-ip": [],
    "mac-address": "",
    link: [],
    publish: [],
    "publish-all": false,
    expose: [],
    dns: [],
    "dns-option": [],
    "dns-search": [],
    "add-host": [],
    "no-hosts": false,
    hostname: "",
    userns: "",
    uidmap: [],
    gidmap: [],
    subuidname: "",
    subgidname: "",
  };
}
