/**
 * The features that TARE_WITHOUT (`name,name`) declares absent, so that tests take the paths for older kernels.
 * docs/reference/kernel-features.md lists the names.
 */
export type Avoidable =
  | "bpf-devices"
  | "cgroup.kill"
  | "cgroup1"
  | "cgroup2"
  | "clone-into-cgroup"
  | "clone3"
  | "close_range"
  | "detached-composition"
  | "detached-lowers"
  | "erofs-file"
  | "lowerdir+"
  | "macvlan-bypass"
  | "memfd-exec"
  | "mount_setattr"
  | "nf_tables"
  | "nf_tables-netdev"
  | "openat2"
  | "pidfd-namespaces"
  | "pidfd_getfd"
  | "seccomp-notify"
  | "sock_diag"
  | "swap-accounting"
  | "time-namespace"
  | "user-namespace";

/** Whether a kernel feature is to be treated as absent though it may be there. */
export function isForcedAbsent(name: Avoidable): boolean {
  const list = process.env["TARE_WITHOUT"];
  return list !== undefined && list.split(",").includes(name);
}
