import type { Mount, TareHostConfig } from "../../../api/types/host-config.ts";
import type { SecretReference } from "../../../api/types/secret.ts";
import { Failure } from "../../../base/failure.ts";
import { decryptionKeyFlag } from "../../flags/decryption-key.ts";
import { authfileFlag, tlsVerifyFlag } from "../../flags/registry-access.ts";
import { optionFailure, type Flag, type FlagTable, type TableOf } from "../../flags/flag.ts";
import { bytes, duration, int, list, string } from "../../flags/kinds.ts";
import { keepFields } from "../run/keep-fields.ts";
import { parseSecretFlag } from "./secret-flag.ts";

/** More flags that Docker has not, and podman has. */
export interface PodmanValues {
  readonly arch: string;
  readonly authfile: string;
  readonly cgroups: string;
  readonly chrootdirs: readonly string[];
  readonly "conmon-pidfile": string;
  readonly "decryption-key": readonly string[];
  readonly "env-merge": readonly string[];
  readonly "group-entry": string;
  readonly "hosts-file": string;
  readonly hostuser: readonly string[];
  readonly "image-volume": string;
  readonly os: string;
  readonly "passwd-entry": string;
  readonly "rdt-class": string;
  readonly pidfile: string;
  readonly pod: string;
  readonly "pod-id-file": string;
  readonly requires: readonly string[];
  readonly retry: number | undefined;
  readonly "retry-delay": number | undefined;
  readonly sdnotify: string;
  readonly "seccomp-policy": string;
  readonly secret: readonly SecretReference[];
  readonly "shm-size-systemd": number | undefined;
  readonly subgidname: string;
  readonly subuidname: string;
  readonly systemd: string;
  readonly timeout: number | undefined;
  readonly "tls-verify": boolean;
  readonly variant: string;
}

export const podmanFlags: TableOf<PodmanValues> = {
  arch: string("Architecture of the image, in place of this machine's (Tare's own)"),
  authfile: authfileFlag,
  cgroups: string(
    'Cgroup of the container: "enabled" ("no-conmon" is the same here), "disabled" for none, "split" for one below the daemon\'s own (Tare\'s own)',
    {
      words: ["enabled", "disabled", "no-conmon", "split"],
      check: checkCgroups,
    },
  ),
  chrootdirs: list("Directory that a command may chroot to: gets /etc/hosts and its like, too (Tare's own)"),
  "conmon-pidfile": string("File that gets the PID of the container's keeper at each start (Tare's own)", {
    isFile: true,
  }),
  "decryption-key": decryptionKeyFlag,
  "env-merge": list("Set a variable from those of the image: PATH=${PATH}:/more (Tare's own)", {
    check: checkMerge,
  }),
  "group-entry": string("Line of /etc/group for a group that has none there: web:x:$GID: (Tare's own)"),
  "hosts-file": string(
    'What /etc/hosts begins with: a file (absolute path), "image" for the image\'s own, or "none" (Tare\'s own)',
    { words: ["image", "none"], isFile: true },
  ),
  hostuser: list("User of the host who is in /etc/passwd of the container, too (Tare's own)"),
  "image-volume": string(
    'What becomes of the image\'s volumes: "anonymous", "tmpfs", "ignore" (Tare\'s own)',
    {
      words: ["anonymous", "tmpfs", "ignore"],
      check: checkImageVolume,
    },
  ),
  os: string("Operating system of the image (Tare's own)"),
  "passwd-entry": string(
    "Line of /etc/passwd for a user who has none there: web:x:$UID:$GID::$HOME:/bin/sh (Tare's own)",
  ),
  "rdt-class": string("Class of cache and memory bandwidth: a directory in /sys/fs/resctrl (Tare's own)"),
  pidfile: string("File that gets the PID of the container at each start (Tare's own)", { isFile: true }),
  pod: string("Pod to make it in: its name or ID, or new:NAME for one that is made for it (Tare's own)", {
    words: ["new:"],
    names: "pod",
    check: checkPod,
  }),
  "pod-id-file": string("File with the ID of the pod to make it in (Tare's own)", { isFile: true }),
  requires: list("Containers that are started before it (Tare's own)"),
  retry: int("How often a pull that failed is tried again (Tare's own)"),
  "retry-delay": duration("Time between these attempts (ms|s|m|h) (Tare's own)"),
  sdnotify: string(
    'Who tells systemd of the start, through $NOTIFY_SOCKET: "container" itself, "conmon" for the engine, when it runs, or "ignore" for nobody (Tare\'s own)',
    {
      words: ["container", "conmon", "ignore"],
      check: checkNotify,
    },
  ),
  "seccomp-policy": string(
    'Which seccomp profile: "default", or "image" for the one in its label io.containers.seccomp.profile (Tare\'s own)',
    { words: ["default", "image"], check: checkPolicy },
  ),
  secret: {
    type: "secret",
    usage:
      "Give it a secret, as the file /run/secrets/NAME: NAME, with ,type=mount|env ,target= ,uid= ,gid= ,mode= after it (Tare's own)",
    initial: [],
    add: (text, before) => [...before, parseSecretFlag(text)],
  },
  "shm-size-systemd": bytes(
    "Size of each tmpfs of systemd's (/run, /run/lock, /tmp, /var/log/journal), 0 for half of the memory; with no --systemd it means --systemd true (Tare's own)",
  ),
  subgidname: string("Whose group IDs of /etc/subgid the user namespace gets (Tare's own)"),
  subuidname: string("Whose user IDs of /etc/subuid the user namespace gets (Tare's own)"),
  systemd: string(
    'Systemd mode: "always", "true" where the command is systemd or an init, or "false" (Tare\'s own)',
    { words: ["always", "true", "false"], check: checkSystemd },
  ),
  "tls-verify": tlsVerifyFlag,
  timeout: int("Seconds after which the container is killed, 0 for never (Tare's own)"),
  variant: string("Variant of the image's architecture (Tare's own)"),
};

/** Flags of podman's that can't be here, each with why and what to do. They are not in the help. */
export const refusedFlags: FlagTable = {
  "init-path": refused("the init is Tare's own, and no other one can be named: use --init"),
  rootfs: {
    ...refused(
      "a directory of the host can't be the root file system: make an image of it (tar -C DIR -c . | tare import - NAME)",
    ),
    type: "",
  },
  // Of create; run has them.
  "preserve-fd": refused("descriptors are passed to a program that starts: use tare run"),
  "preserve-fds": refused("descriptors are passed to a program that starts: use tare run"),
};

function refused(reason: string): Flag<string> {
  return {
    ...string(""),
    isHidden: true,
    add: () => {
      throw new Failure("unsupported", reason);
    },
  };
}

/** The fields of `HostConfig.Tare` that these flags ask for. */
export function planPodmanFields(values: PodmanValues): TareHostConfig {
  const { timeout = 0 } = values;
  if (timeout < 0) throw optionFailure("--timeout: must not be negative");
  const tmpfsBytes = values["shm-size-systemd"];
  const systemd = values.systemd === "" && tmpfsBytes !== undefined ? "true" : values.systemd;
  const fields: TareHostConfig = {
    Requires: splitAll(values.requires),
    EnvMerge: values["env-merge"],
    ImageVolumes: values["image-volume"] === "bind" ? "anonymous" : values["image-volume"],
    PasswdEntry: values["passwd-entry"],
    GroupEntry: values["group-entry"],
    HostUsers: values.hostuser,
    ChrootDirs: splitAll(values.chrootdirs),
    TimeoutSeconds: timeout,
    HostsFile: values["hosts-file"],
    RdtClass: values["rdt-class"],
    Cgroups: ["disabled", "split"].includes(values.cgroups) ? values.cgroups : "",
    Systemd: systemd === "false" ? "" : systemd,
    Secrets: values.secret,
  };
  return {
    ...keepFields(fields, (value) => value !== 0 && (value as string).length !== 0),
    ...(tmpfsBytes === undefined ? {} : { ShmSizeSystemd: tmpfsBytes }),
  };
}

function splitAll(lists: readonly string[]): readonly string[] {
  return lists.length === 0
    ? lists
    : lists.flatMap((names) => names.split(",")).filter((name) => name !== "");
}

/** Where a container finds the socket of systemd's that --sdnotify gives it. */
const notifyPlace = "/run/notify/notify.sock";

/** What `--sdnotify container` binds and sets; nothing where systemd waits for no word. */
export function planNotify(
  { sdnotify }: PodmanValues,
  env: Readonly<Record<string, string | undefined>>,
): { readonly env: readonly string[]; readonly mounts: readonly Mount[] } {
  const socket = env["NOTIFY_SOCKET"] ?? "";
  if (sdnotify !== "container" || socket === "") return { env: [], mounts: [] };
  if (!socket.startsWith("/"))
    throw optionFailure(`--sdnotify: cannot bind the socket ${JSON.stringify(socket)}: it has no path`);
  // A mount, not a bind of -v: a socket that is gone must not become a directory of the host.
  const mount: Mount = { Type: "bind", Source: socket, Target: notifyPlace };
  return { env: [`NOTIFY_SOCKET=${notifyPlace}`], mounts: [mount] };
}

/** What `--sdnotify conmon` asks for; nothing where systemd waits for no word. */
export function planNotified(
  { sdnotify }: PodmanValues,
  { env, pid }: { readonly env: Readonly<Record<string, string | undefined>>; readonly pid: number },
): TareHostConfig {
  const socket = env["NOTIFY_SOCKET"] ?? "";
  return sdnotify === "conmon" && socket !== "" ? { NotifySocket: socket, NotifyPid: pid } : {};
}

function checkCgroups(text: string): string {
  if (["enabled", "disabled", "no-conmon", "split"].includes(text)) return text;
  throw new Failure("invalid", "must be enabled, disabled, no-conmon or split");
}

function checkImageVolume(text: string): string {
  if (["anonymous", "bind", "tmpfs", "ignore"].includes(text)) return text;
  throw new Failure("invalid", "must be anonymous, bind (the same), tmpfs or ignore");
}

function checkPod(text: string): string {
  if (text !== "" && text !== "new:") return text;
  throw new Failure("invalid", "want the name or ID of a pod, or new:NAME");
}

function checkNotify(text: string): string {
  if (["container", "conmon", "ignore"].includes(text)) return text;
  if (text === "healthy") {
    throw new Failure(
      "unsupported",
      '"healthy" needs health checks, which there are none of yet: "conmon" tells of the start',
    );
  }
  throw new Failure("invalid", "must be container, conmon, healthy or ignore");
}

function checkSystemd(text: string): string {
  if (["true", "false", "always"].includes(text)) return text;
  throw new Failure("invalid", "must be true, false or always");
}

function checkPolicy(text: string): string {
  if (["default", "image"].includes(text)) return text;
  throw new Failure("invalid", "must be default or image");
}

function checkMerge(text: string): string {
  if (/^[^=\0]+=/.test(text)) return text;
  throw new Failure("invalid", "want NAME=VALUE, with ${OTHER} in the value");
}
