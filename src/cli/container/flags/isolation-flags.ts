import { Failure } from "../../../base/failure.ts";
import { bool, bytes, list, map, string } from "../../flags/kinds.ts";
import { isCdiName } from "../../../spec/cdi-name.ts";
import { checkDeviceRule, checkGpus, parseDevice } from "./parsers/devices.ts";
import { checkSysctl } from "./parsers/sysctl.ts";
import { type FieldTable, toHost, toTare } from "./request-fields.ts";

/** Flags about what the container may do and see: namespaces, privileges, devices, kernel parameters. */
export interface IsolationValues {
  readonly "cap-add": readonly string[];
  readonly "cap-drop": readonly string[];
  readonly cgroupns: string;
  readonly device: readonly string[];
  readonly "device-cgroup-rule": readonly string[];
  readonly gidmap: readonly string[];
  readonly gpus: string;
  readonly ipc: string;
  readonly isolation: string;
  readonly pid: string;
  readonly privileged: boolean;
  readonly runtime: string;
  readonly "seccomp-policy": string;
  readonly "security-opt": readonly string[];
  readonly "shm-size-systemd": number | undefined;
  readonly subgidname: string;
  readonly subuidname: string;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly systemd: string;
  readonly "time-offset": string;
  readonly uidmap: readonly string[];
  readonly userns: string;
  readonly uts: string;
}

export const isolationFlags: FieldTable<IsolationValues> = {
  "cap-add": toHost("CapAdd", list("Add Linux capabilities")),
  "cap-drop": toHost("CapDrop", list("Drop Linux capabilities")),
  cgroupns: string("Cgroup namespace to use (host|private)", { words: ["host", "private"] }),
  device: toHost("Devices", list("Add a host device to the container", { isFile: true }), (texts) => {
    const mappings = texts.filter((text) => !isCdiName(text)).map(parseDevice);
    return mappings.length === 0 ? undefined : mappings;
  }),
  "device-cgroup-rule": toHost(
    "DeviceCgroupRules",
    list("Add a rule to the cgroup allowed devices list", { check: checkDeviceRule }),
  ),
  gidmap: list("GID mapping of the user namespace (container:host:size) (not in Docker)"),
  gpus: string("GPU devices to add to the container ('all' to pass all GPUs)", {
    type: "gpu-request",
    check: checkGpus,
  }),
  ipc: string("IPC mode to use", { words: ["host", "none", "private", "shareable", "container:"] }),
  isolation: toHost("Isolation", string("Container isolation technology", { words: ["default"] })),
  pid: string("PID namespace to use", { words: ["host", "container:"] }),
  privileged: toHost("Privileged", bool("Give extended privileges to this container")),
  runtime: toHost("Runtime", string("Runtime to use for this container")),
  "seccomp-policy": string(
    'Seccomp profile: "default", or "image" for the label io.containers.seccomp.profile of the image (not in Docker)',
    { words: ["default", "image"], check: oneOf("default", "image") },
  ),
  "security-opt": list("Security Options", {
    words: [
      "seccomp=",
      "explain-denials",
      "no-new-privileges",
      "systempaths=unconfined",
      "apparmor=",
      "label=disable",
      "writable-cgroups=true",
    ],
  }),
  "shm-size-systemd": toTare(
    "ShmSizeSystemd",
    bytes(
      "Size of each tmpfs of systemd mode (/run, /run/lock, /tmp, /var/log/journal), 0 for half of the memory; implies --systemd true (not in Docker)",
    ),
  ),
  subgidname: string("Name in /etc/subgid whose GIDs the user namespace receives (not in Docker)"),
  subuidname: string("Name in /etc/subuid whose UIDs the user namespace receives (not in Docker)"),
  sysctl: toHost("Sysctls", map("Sysctl options", { check: checkSysctl })),
  systemd: toTare(
    "Systemd",
    string(
      'Systemd mode: "always", "true" if the command is systemd or an init, or "false" (not in Docker)',
      {
        words: ["always", "true", "false"],
        check: oneOf("true", "false", "always"),
      },
    ),
    (mode) => (mode === "false" ? undefined : mode),
  ),
  "time-offset": toTare(
    "TimeOffset",
    string("Offset of the monotonic and boot-time clocks (24h, monotonic=24h,boottime=-1h) (not in Docker)", {
      words: ["monotonic=", "boottime="],
    }),
  ),
  uidmap: list("UID mapping of the user namespace (container:host:size) (not in Docker)"),
  userns: string("User namespace to use", { words: ["host", "private", "private:", "container:"] }),
  uts: string("UTS namespace to use", { words: ["host", "container:"] }),
};

/** A check for one of a few words. */
export function oneOf(...words: readonly string[]): (text: string) => string {
  return (text) => {
    if (words.includes(text)) return text;
    throw new Failure("invalid", `must be ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
  };
}
