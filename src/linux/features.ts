import { existsSync, readFileSync } from "node:fs";
import { detectCgroups } from "./cgroup/layout.ts";
import { hasDeviceFilters } from "./cgroup/internal/v2/device-filter.ts";
import { CLONE_ARGS_SIZE_VER2, CLONE_INTO_CGROUP, PIDFD_GET_MNT_NAMESPACE } from "./constants/clone.ts";
import { FSCONFIG_SET_STRING, FSOPEN_CLOEXEC } from "./constants/mount.ts";
import { AT_EMPTY_PATH, AT_FDCWD } from "./constants/open.ts";
import { errno } from "./kernel/errno.ts";
import { OwnedFd } from "./kernel/fd.ts";
import { createFilesystem, moveMount } from "./mount/mount.ts";
import { openDirectoryPath } from "./files/open.ts";
import { attempt, call, type SyscallName } from "./kernel/syscall.ts";
import { type Avoidable, isForcedAbsent } from "./kernel/without.ts";

/** What this kernel may or may not have; docs/reference/kernel-features.md says what each is used for and what replaces it. */
export type FeatureName = Exclude<
  Avoidable,
  "cgroup1" | "cgroup2" | "erofs-file" | "macvlan-bypass" | "nf_tables" | "nf_tables-netdev" | "sock_diag"
>;

export interface Feature {
  readonly name: FeatureName;
  readonly present: boolean;
  /** How that was found: for people. */
  readonly how: string;
}

interface Probe {
  readonly how: string;
  readonly find: () => boolean;
}

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

/** All of them, for `system check`. */
export function listFeatures(): Feature[] {
  return (Object.keys(probes) as FeatureName[]).map((name) => ({
    name,
    present: hasFeature(name),
    how: isForcedAbsent(name) ? "TARE_WITHOUT says so" : probes[name].how,
  }));
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
    using place = openDirectoryPath(`/proc/self/fd/${outer.fd}/at`);
    moveMount(inner.fd, place.fd);
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
