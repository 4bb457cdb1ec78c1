import { keysOf } from "../base/keys.ts";
import { existsSync, readFileSync } from "node:fs";
import { detectCgroups } from "./cgroup/layout.ts";
import { hasDeviceFilters } from "./cgroup/internal/v2/device-filter.ts";
import { CLONE_ARGS_SIZE_VER2, CLONE_INTO_CGROUP, PIDFD_GET_MNT_NAMESPACE } from "./constants/clone.ts";
import { FSCONFIG_SET_STRING, FSOPEN_CLOEXEC } from "./constants/mount.ts";
import { AT_EMPTY_PATH, AT_FDCWD } from "./constants/open.ts";
import { sentenceOf } from "../base/failure.ts";
import { addon } from "./kernel/addon.ts";
import { errno } from "./kernel/errno.ts";
import { OwnedFd } from "./kernel/fd.ts";
import { createFilesystem, moveMount } from "./mount/mount.ts";
import { openDirectoryPath } from "./files/open.ts";
import { attempt, call, type SyscallName } from "./kernel/syscall.ts";
import { type Avoidable, isForcedAbsent } from "./kernel/without.ts";

/** Features that this kernel may lack; docs/reference/kernel-features.md lists the use and the replacement of each. */
export type FeatureName = Exclude<
  Avoidable,
  "cgroup1" | "cgroup2" | "erofs-file" | "macvlan-bypass" | "nf_tables" | "nf_tables-netdev" | "sock_diag"
>;

export interface Feature {
  readonly name: FeatureName;
  /** Undefined: it was not probed. */
  readonly present: boolean | undefined;
  /** How that was found: for people. */
  readonly how: string;
  /** The first kernel with it. */
  readonly since: string;
  /** The effect of its absence. */
  readonly without: string;
  /**
   * "needed": no container runs without it. "used": an option does not work. "replaced": a slower or older way is
   * taken.
   */
  readonly importance: "needed" | "used" | "replaced";
  /** Its probe finds nothing without CAP_SYS_ADMIN. */
  readonly isPrivileged?: true | undefined;
  /** Its probe makes the kernel load this module. */
  readonly loads?: "overlay" | undefined;
}

interface Probe {
  readonly how: string;
  readonly find: () => boolean;
}

type Meaning = Omit<Feature, "name" | "present" | "how">;

/** A call with arguments that it must refuse: only a kernel that lacks it answers ENOSYS. */
const answers = (name: SyscallName, ...args: (number | string | null)[]): Probe => ({
  how: `${name}() answers something other than ENOSYS`,
  find: () => attempt(name, ...args) !== -errno.ENOSYS,
});

const probes: Readonly<Record<FeatureName, Probe>> = {
  "bpf-devices": { how: "bpf() loads a cgroup device program", find: hasDeviceFilters },
  "cgroup.kill": {
    how: "cgroup v2 is mounted and Linux is 5.14 or later",
    find: () => kernelIsAtLeast(5, 14) && detectCgroups().v2 !== undefined,
  },
  "clone-into-cgroup": {
    how: "clone3(CLONE_INTO_CGROUP) with a descriptor that is not open answers EBADF",
    find: findCloneIntoCgroup,
  },
  clone3: answers("clone3", null, 0),
  close_range: answers("close_range", 1, 0, 0),
  "detached-composition": {
    how: "a detached tmpfs was moved into another detached tmpfs",
    find: findDetachedComposition,
  },
  "detached-lowers": {
    how: "an overlay was made of two directories of a detached tmpfs",
    find: findDetachedLowers,
  },
  "lowerdir+": { how: "fsconfig() of overlay takes lowerdir+", find: findLowerdirPlus },
  "memfd-exec": {
    how: "sysctl vm.memfd_noexec is not 2",
    find: () => readText("/proc/sys/vm/memfd_noexec") !== "2",
  },
  mount_setattr: answers("mount_setattr", -1, "", AT_EMPTY_PATH, null, 0),
  openat2: answers("openat2", AT_FDCWD, ".", null, 0),
  "pidfd-namespaces": {
    how: "ioctl(PIDFD_GET_MNT_NAMESPACE) works on our own pidfd",
    find: findPidfdNamespaces,
  },
  pidfd_getfd: answers("pidfd_getfd", -1, 0, 0),
  "seccomp-notify": {
    how: "seccomp(SECCOMP_GET_ACTION_AVAIL) knows SECCOMP_RET_USER_NOTIF",
    find: findSeccompNotify,
  },
  "swap-accounting": {
    how: "the memory controller has a file for the swap limit",
    find: () => detectCgroups().swapAccounting,
  },
  "time-namespace": { how: "/proc/self/ns/time is there", find: () => existsSync("/proc/self/ns/time") },
  "user-namespace": {
    how: "/proc/self/ns/user is there and sysctl user.max_user_namespaces is not 0",
    find: () => existsSync("/proc/self/ns/user") && readText("/proc/sys/user/max_user_namespaces") !== "0",
  },
};

const noContainers = "containers do not start";

/** In short; docs/reference/kernel-features.md has all of it. */
const meanings: Readonly<Record<FeatureName, Meaning>> = {
  "bpf-devices": {
    since: "4.15",
    without: "on cgroup v2, containers have no allow-list of devices",
    importance: "used",
    isPrivileged: true,
  },
  "cgroup.kill": {
    since: "5.14",
    without: "the processes of a container are killed one after the other",
    importance: "replaced",
  },
  "clone-into-cgroup": {
    since: "5.7",
    without: "a process joins its cgroup after it was created",
    importance: "replaced",
  },
  clone3: { since: "5.3", without: noContainers, importance: "needed" },
  close_range: { since: "5.9", without: noContainers, importance: "needed" },
  "detached-composition": {
    since: "6.15",
    without: "one container at a time uses a volume with options; image-subpath is refused",
    importance: "replaced",
    isPrivileged: true,
  },
  "detached-lowers": {
    since: "6.15",
    without: "a start with a user namespace takes some milliseconds longer",
    importance: "replaced",
    isPrivileged: true,
    loads: "overlay",
  },
  "lowerdir+": {
    since: "6.7",
    without: "a start from an image of many layers takes some milliseconds longer",
    importance: "replaced",
    isPrivileged: true,
    loads: "overlay",
  },
  "memfd-exec": {
    since: "3.17",
    without: "the keeper's program is a file in the run root",
    importance: "replaced",
  },
  mount_setattr: { since: "5.12", without: noContainers, importance: "needed" },
  openat2: { since: "5.6", without: noContainers, importance: "needed" },
  "pidfd-namespaces": {
    since: "6.11",
    without: "namespaces are opened by /proc/PID/ns",
    importance: "replaced",
  },
  pidfd_getfd: { since: "5.6", without: noContainers, importance: "needed" },
  "seccomp-notify": {
    since: "5.5",
    without: "explain-denials and --record-profile are refused",
    importance: "used",
  },
  "swap-accounting": { since: "4.5", without: "--memory-swap is ignored", importance: "used" },
  "time-namespace": { since: "5.6", without: "--time-offset is refused", importance: "used" },
  "user-namespace": { since: "3.8", without: "--userns is refused", importance: "used" },
};

const known = new Map<FeatureName, boolean>();

/** Probed at the first question, then remembered; TARE_WITHOUT=name forces false. */
export function hasFeature(name: FeatureName): boolean {
  if (isForcedAbsent(name)) return false;
  let present = known.get(name);
  if (present === undefined) {
    present = probes[name].find();
    known.set(name, present);
  }
  return present;
}

/** All of them, for `tare doctor`; those that `mayProbe` refuses are not probed. */
export function listFeatures(
  mayProbe: (probe: Pick<Feature, "isPrivileged" | "loads">) => boolean = () => true,
): Feature[] {
  return keysOf(probes).map((name) => ({
    name,
    present: mayProbe(meanings[name]) ? hasFeature(name) : undefined,
    how: isForcedAbsent(name) ? "TARE_WITHOUT says so" : probes[name].how,
    ...meanings[name],
  }));
}

/** Why no system call can be made: the addon cannot be loaded. Undefined: it is. */
export function findAddonProblem(): string | undefined {
  try {
    addon();
    return undefined;
  } catch (thrown) {
    return sentenceOf(thrown);
  }
}

/** Calls without a fallback that TARE_WITHOUT can't force absent, and the first kernel with all of them. */
const requiredCalls = [
  "fsopen",
  "fsconfig",
  "fsmount",
  "move_mount",
  "open_tree",
  "pidfd_open",
  "pidfd_send_signal",
] as const;

/** Those of them that this kernel, or a seccomp filter of this process, does not have. */
export function listMissingCalls(): readonly SyscallName[] {
  // SAFETY: bad descriptors and null pointers: the kernel refuses each before it does anything.
  const refused: readonly (number | null)[] = [-1, null, -1, null, 0xffff_ffff];
  return requiredCalls.filter((name) => attempt(name, ...refused) === -errno.ENOSYS);
}

/** `6.18` of `6.18.44-fc-v657`. */
export function parseKernelRelease(text: string): { readonly major: number; readonly minor: number } {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return { major: Number(match?.[1] ?? 0), minor: Number(match?.[2] ?? 0) };
}

/** Only where nothing can be probed: distributions carry features into older versions. */
export function kernelIsAtLeast(major: number, minor: number): boolean {
  const running = parseKernelRelease(readText("/proc/sys/kernel/osrelease") ?? "");
  return running.major > major || (running.major === major && running.minor >= minor);
}

// SAFETY: no child is made: the descriptor is no descriptor, so the kernel refuses before it forks.
function findCloneIntoCgroup(): boolean {
  const noDescriptor = 0x7fff_ffff;
  const args = new Uint8Array(CLONE_ARGS_SIZE_VER2);
  const view = new DataView(args.buffer);
  view.setBigUint64(0, BigInt(CLONE_INTO_CGROUP), true);
  view.setBigUint64(32, 17n, true); // exit_signal: SIGCHLD
  view.setBigUint64(80, BigInt(noDescriptor), true);
  return attempt("clone3", args, args.length) === -errno.EBADF;
}

function findDetachedComposition(): boolean {
  try {
    using outer = createFilesystem("tmpfs", []);
    using inner = createFilesystem("tmpfs", []);
    if (attempt("mkdirat", outer.fd, "at", 0o700) < 0) return false;
    using directory = openDirectoryPath(`/proc/self/fd/${outer.fd}/at`);
    moveMount(inner.fd, directory.fd);
    return true;
  } catch {
    return false;
  }
}

function findDetachedLowers(): boolean {
  try {
    using tree = createFilesystem("tmpfs", []);
    const lowers = ["a", "b"].map((name) => {
      call("mkdirat", tree.fd, name, 0o700);
      return ["lowerdir+", `/proc/self/fd/${tree.fd}/${name}`] as const;
    });
    createFilesystem("overlay", lowers)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}

function findLowerdirPlus(): boolean {
  const context = attempt("fsopen", "overlay", FSOPEN_CLOEXEC);
  if (context < 0) return false;
  using owned = new OwnedFd(context);
  return attempt("fsconfig", owned.fd, FSCONFIG_SET_STRING, "lowerdir+", "/", 0) === 0;
}

function findPidfdNamespaces(): boolean {
  const pidfd = attempt("pidfd_open", process.pid, 0);
  if (pidfd < 0) return false;
  using owned = new OwnedFd(pidfd);
  const namespace = attempt("ioctl", owned.fd, PIDFD_GET_MNT_NAMESPACE, 0);
  if (namespace < 0) return false;
  new OwnedFd(namespace)[Symbol.dispose]();
  return true;
}

function findSeccompNotify(): boolean {
  const SECCOMP_GET_ACTION_AVAIL = 2;
  const action = new Uint8Array(4);
  new DataView(action.buffer).setUint32(0, 0x7fc0_0000, true); // SECCOMP_RET_USER_NOTIF
  return attempt("seccomp", SECCOMP_GET_ACTION_AVAIL, 0, action) === 0;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return undefined;
  }
}
