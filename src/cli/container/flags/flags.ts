import { ownFlags } from "./own-flags.ts";
import { podmanFlags, refusedFlags } from "./podman-flags.ts";
import { platformFlags } from "./platform-flags.ts";
import { Failure } from "../../../base/failure.ts";
import type { TableOf } from "../../flags/flag.ts";
import { bool, bytes, int, list, map, nanoCpus, optional, string } from "../../flags/kinds.ts";
import { checkLabel } from "../../flags/label.ts";
import { isAddress } from "../run/address.ts";
import { checkDeviceRule } from "./devices.ts";
import { laterFlags } from "./later-flags.ts";
import { resourceFlags } from "./resource-flags.ts";
import { networkFlags } from "./network-flags.ts";
import { parseMount } from "./mount-flag.ts";
import { parseUlimit } from "./ulimit.ts";
import { checkSysctl } from "./sysctl.ts";
import type { ContainerValues } from "./values.ts";

/** What run and create share. */
export const containerFlags: TableOf<ContainerValues> = {
  ...resourceFlags,
  ...platformFlags,
  ...ownFlags,
  ...podmanFlags,
  ...networkFlags,
  "add-host": list("Add a custom host-to-IP mapping (host:ip)", { check: checkHost }),
  annotation: map("Add an annotation to the container (passed through to the OCI runtime)"),
  attach: list("Attach to STDIN, STDOUT or STDERR", {
    short: "a",
    check: checkStream,
    words: ["stdin", "stdout", "stderr"],
  }),
  "cap-add": list("Add Linux capabilities"),
  "cap-drop": list("Drop Linux capabilities"),
  "cgroup-parent": string("Optional parent cgroup for the container"),
  cgroupns: string("Cgroup namespace to use (host|private)", { words: ["host", "private"] }),
  cidfile: string("Write the container ID to the file", { isFile: true }),
  "cpu-period": int("Limit CPU CFS (Completely Fair Scheduler) period"),
  "cpu-quota": int("Limit CPU CFS (Completely Fair Scheduler) quota"),
  "cpu-shares": int("CPU shares (relative weight)", { short: "c" }),
  cpus: nanoCpus("Number of CPUs"),
  "cpuset-cpus": string("CPUs in which to allow execution (0-3, 0,1)"),
  "cpuset-mems": string("MEMs in which to allow execution (0-3, 0,1)"),
  device: list("Add a host device to the container", { isFile: true }),
  "device-cgroup-rule": list("Add a rule to the cgroup allowed devices list", { check: checkDeviceRule }),
  domainname: string("Container NIS domain name"),
  entrypoint: optional("Overwrite the default ENTRYPOINT of the image"),
  env: list("Set environment variables", { short: "e", check: checkEnv }),
  "env-file": list("Read in a file of environment variables", { isFile: true }),
  gidmap: list("Range of group IDs for a user namespace (container:host:size) (Tare's own)"),
  "group-add": list("Add additional groups to join"),
  hostname: string("Container host name", { short: "h" }),
  init: bool("Run an init inside the container that forwards signals and reaps processes"),
  interactive: bool("Keep STDIN open even if not attached", { short: "i" }),
  ipc: string("IPC mode to use", { words: ["host", "none", "private", "shareable", "container:"] }),
  label: list("Set meta data on a container", { short: "l", check: checkLabel }),
  "label-file": list("Read in a line delimited file of labels", { isFile: true }),
  "log-driver": string("Logging driver for the container", { words: ["json-file", "local", "none"] }),
  "log-opt": list("Log driver options", {
    words: ["max-size=", "max-file=", "compress=", "mode=", "max-buffer-size="],
  }),
  memory: bytes("Memory limit", { short: "m" }),
  "memory-swap": bytes("Swap limit equal to memory plus swap: '-1' to enable unlimited swap", {
    unlimited: true,
  }),
  mount: {
    type: "mount",
    usage: "Attach a filesystem mount to the container",
    initial: [],
    words: ["type=bind,source=", "type=volume,source=", "type=tmpfs,target=", "type=image,source="],
    add: (text, before) => [...before, parseMount(text)],
  },
  name: string("Assign a name to the container"),
  "no-healthcheck": bool("Disable any container-specified HEALTHCHECK"),
  "oom-score-adj": int("Tune host's OOM preferences (-1000 to 1000)"),
  pid: string("PID namespace to use", { words: ["host", "container:"] }),
  "pids-limit": int("Tune container pids limit (set -1 for unlimited)"),
  platform: string("Set platform if server is multi-platform capable"),
  privileged: bool("Give extended privileges to this container"),
  pull: string('Pull image before running ("always", "missing", "never")', {
    initial: "missing",
    words: ["always", "missing", "never", "newer"],
  }),
  quiet: bool("Suppress the pull output", { short: "q" }),
  "read-only": bool("Mount the container's root filesystem as read only"),
  restart: string("Restart policy to apply when a container exits", {
    initial: "no",
    words: ["no", "always", "on-failure", "unless-stopped"],
  }),
  rm: bool("Automatically remove the container when it exits"),
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
  "shm-size": bytes("Size of /dev/shm"),
  "stop-signal": string("Signal to stop the container"),
  "stop-timeout": int("Timeout (in seconds) to stop a container"),
  "time-offset": string(
    "Offset of the monotonic and boot-time clocks (24h, monotonic=24h,boottime=-1h) (Tare's own)",
    { words: ["monotonic=", "boottime="] },
  ),
  sysctl: map("Sysctl options", { check: checkSysctl }),
  tmpfs: list("Mount a tmpfs directory"),
  tty: bool("Allocate a pseudo-TTY", { short: "t" }),
  ulimit: list("Ulimit options", { type: "ulimit", initialText: "[]", check: checkUlimit }),
  uidmap: list("Range of user IDs for a user namespace (container:host:size) (Tare's own)"),
  user: string("Username or UID (format: <name|uid>[:<group|gid>])", { short: "u" }),
  "use-api-socket": bool("Bind mount the API socket and required auth"),
  userns: string("User namespace to use", {
    words: ["host", "private", "private:", "container:"],
  }),
  uts: string("UTS namespace to use", { words: ["host", "container:"] }),
  volume: list("Bind mount a volume", { short: "v", isFile: true }),
  "volume-driver": string("Optional volume driver for the container"),
  "volumes-from": list("Mount volumes from the specified container(s)"),
  workdir: string("Working directory inside the container", { short: "w" }),
};

/** The flags of run or create: those that both have, those that come later, and its own. */
export function withContainerFlags<V>(own: TableOf<V>): TableOf<V & ContainerValues> {
  return { ...laterFlags, ...refusedFlags, ...containerFlags, ...own } as TableOf<V & ContainerValues>;
}

function checkStream(text: string): string {
  const stream = text.toLowerCase();
  if (["stdin", "stdout", "stderr"].includes(stream)) return stream;
  throw new Failure("invalid", "valid streams are STDIN, STDOUT and STDERR");
}

function checkEnv(text: string): string {
  if (text === "" || text.startsWith("="))
    throw new Failure("invalid", `invalid environment variable: ${text}`);
  return text;
}

function checkHost(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  if (match === null) throw new Failure("invalid", `bad format for add-host: ${JSON.stringify(text)}`);
  const address = (match[2] ?? "").replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && !isAddress(address)) {
    throw new Failure("invalid", `invalid IP address in add-host: ${JSON.stringify(match[2])}`);
  }
  return `${match[1]}:${address}`;
}

function checkUlimit(text: string): string {
  parseUlimit(text);
  return text;
}
