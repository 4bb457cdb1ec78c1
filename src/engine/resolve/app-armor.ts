import type { ContainerSpec } from "../../model/container-spec.ts";
import { quote, refuse } from "./refusal.ts";

/** The profile of containers that ask for none, on a host that has AppArmor. */
export const defaultAppArmorProfile = "tare-default";

/**
 * The profile that a container runs under; undefined: none. Throws "invalid" for a name that is none, and for any on a
 * host without AppArmor.
 */
export function resolveAppArmor(
  spec: ContainerSpec,
  { hasAppArmor }: { readonly hasAppArmor: boolean },
): string | undefined {
  const { isolation: { appArmor = "" } = {} } = spec;
  if (appArmor === "unconfined") return undefined;
  if (appArmor === "")
    return hasAppArmor && spec.isolation?.privileged !== true && ownsProc(spec)
      ? defaultAppArmorProfile
      : undefined;
  if (!/^[\x21-\x7e]{1,200}$/.test(appArmor))
    throw refuse(`invalid AppArmor profile name ${quote(appArmor)}`);
  if (!hasAppArmor)
    throw refuse(
      `AppArmor is not enabled on this host, or has no apparmor_parser (Debian's package "apparmor"): there is no profile ${quote(appArmor)}`,
    );
  return appArmor;
}

/** KERNEL: a process in a user namespace can't make a procfs of foreign processes, through which the profile is set. */
function ownsProc({ isolation: { namespaces } = {} }: ContainerSpec): boolean {
  return (namespaces?.user ?? "host") === "host" || (namespaces?.pid ?? "private") === "private";
}

/**
 * The text of the default profile: a second lock on what masks, read-only mounts, missing capabilities and the seccomp
 * profile refuse already.
 */
export const defaultAppArmorText: string = `profile ${defaultAppArmorProfile} flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (send, receive) peer=${defaultAppArmorProfile},
  ptrace (read, readby, trace, tracedby) peer=${defaultAppArmorProfile},

  deny mount,
  deny /proc/sys/** wkl,
  deny /proc/{kcore,kmem,mem,sysrq-trigger} rwkl,
  deny /proc/acpi/** wkl,
  deny /proc/scsi/** rwkl,
  deny /sys/[^f]** wkl,
  deny /sys/f[^s]** wkl,
  deny /sys/fs/[^c]** wkl,
  deny /sys/firmware/** rwkl,
  deny /sys/kernel/security/** rwkl,
  deny /sys/devices/virtual/powercap/** rwkl,
}
`;

/** Calls that the default profile denies to every process. */
export const callsWithoutAppArmor: ReadonlySet<string> = new Set(["mount", "move_mount", "pivot_root"]);
