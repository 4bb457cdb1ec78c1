import type { PackageName } from "./distribution.ts";

/** A program of the host that Tare starts or names. docs/reference/programs.md describes them. */
export interface OptionalProgram {
  readonly name: string;
  readonly packages: PackageName;
  readonly without: string;
  /** Tare never starts it: it is for the administrator. */
  readonly isForPeople?: true | undefined;
}

export const optionalPrograms: readonly OptionalProgram[] = [
  {
    name: "mkfs.ext4",
    packages: "e2fsprogs",
    without: "the storage driver devicemapper with ext4, its default",
  },
  {
    name: "mkfs.xfs",
    packages: "xfsprogs",
    without: "the storage driver devicemapper with dm.fs=xfs",
  },
  {
    name: "apparmor_parser",
    packages: { debian: "apparmor", arch: "apparmor", alpine: "apparmor", suse: "apparmor-parser" },
    without: "the default AppArmor profile, on kernels that have AppArmor",
  },
  {
    name: "docker-compose",
    packages: "docker-compose",
    without: "tare compose",
  },
  {
    name: "ssh",
    packages: {
      debian: "openssh-client",
      fedora: "openssh-clients",
      arch: "openssh",
      alpine: "openssh-client",
      suse: "openssh-clients",
    },
    without: "-H ssh://…, and contexts with such a host",
  },
  {
    name: "git",
    packages: "git",
    without: "builds that add a git repository, or have one as their context",
  },
  {
    name: "xz",
    packages: { debian: "xz-utils", fedora: "xz", arch: "xz", alpine: "xz", suse: "xz" },
    without: "builds that unpack archives of xz",
  },
  {
    name: "bzip2",
    packages: "bzip2",
    without: "builds that unpack archives of bzip2",
  },
  {
    name: "setpriv",
    packages: {
      debian: "util-linux",
      fedora: "util-linux",
      arch: "util-linux",
      alpine: "setpriv",
      suse: "util-linux",
    },
    without: "builds run git, xz and bzip2 with all rights of the daemon",
  },
  {
    name: "prlimit",
    packages: "util-linux",
    without: "builds run git, xz and bzip2 without a bound of their files",
  },
  {
    name: "stty",
    packages: "coreutils",
    without: "full-screen programs on a terminal: they draw their lines wrong",
  },
  {
    name: "systemctl",
    packages: "systemd",
    without: "tare system install: it prints the line for another init system",
  },
  {
    name: "groupadd",
    packages: { debian: "passwd", fedora: "shadow-utils", arch: "shadow", alpine: "shadow", suse: "shadow" },
    without: "tare system install with a group that does not exist",
  },
  {
    name: "getent",
    packages: {
      debian: "libc-bin",
      fedora: "glibc-common",
      arch: "glibc",
      alpine: "musl-utils",
      suse: "glibc",
    },
    without: "tare system install with a group that does not exist",
  },
  {
    name: "dmsetup",
    packages: {
      debian: "dmsetup",
      fedora: "device-mapper",
      arch: "device-mapper",
      alpine: "device-mapper",
      suse: "device-mapper",
    },
    without: "looking at pools of the storage driver devicemapper",
    isForPeople: true,
  },
  {
    name: "thin_repair",
    packages: {
      debian: "thin-provisioning-tools",
      fedora: "device-mapper-persistent-data",
      arch: "thin-provisioning-tools",
      alpine: "thin-provisioning-tools",
      suse: "thin-provisioning-tools",
    },
    without: "repairing pools of the storage driver devicemapper",
    isForPeople: true,
  },
];
