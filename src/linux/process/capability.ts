import { isOneOf } from "../../base/keys.ts";
import { required } from "../../base/required.ts";
import { Failure, within } from "../../base/failure.ts";

/** Every capability, at the index that is its number. Source: capabilities(7), linux/capability.h. */
export const capabilityNames = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

export type CapabilityName = (typeof capabilityNames)[number];

/** The 14 that Docker gives to each container. */
export const defaultCapabilities: readonly CapabilityName[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

const numbers: ReadonlyMap<string, number> = new Map(capabilityNames.map((name, number) => [name, number]));

/** The number that capset(2) and prctl(2) take. */
export function capabilityNumber(name: CapabilityName): number {
  return required(numbers.get(name));
}

/** `NET_ADMIN`, `CAP_NET_ADMIN` or `ALL`, in any case. Throws "invalid" for any other. */
export function parseCapability(text: string): CapabilityName | "ALL" {
  const upper = text.toUpperCase();
  if (upper === "ALL") return upper;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!isOneOf(capabilityNames, name))
    throw new Failure("invalid", `unknown capability: ${JSON.stringify(name.slice(0, 80))}`);
  return name;
}

export interface CapabilityOptions {
  readonly add?: readonly string[] | undefined;
  readonly drop?: readonly string[] | undefined;
  readonly privileged?: boolean | undefined;
  /** The capabilities in this process's bounding set: others are left out, so compare to warn. */
  readonly available?: ReadonlySet<CapabilityName> | undefined;
}

/**
 * The capabilities of a container, by Docker's rules: privileged has all and passes over the rest; adding ALL means all
 * but the dropped, dropping ALL means only the added; otherwise what is both dropped and added is there.
 */
export function resolveCapabilities(options: CapabilityOptions = {}): ReadonlySet<CapabilityName> {
  const { privileged = false, available = new Set(capabilityNames) } = options;
  const add = parseList("CapAdd", options.add);
  const drop = parseList("CapDrop", options.drop);
  const wanted = privileged ? capabilityNames : choose(add, drop);
  return new Set(wanted.filter((name) => available.has(name)));
}

type Choice = CapabilityName | "ALL";

/** Throws "invalid" in Docker's words. */
function parseList(field: string, names: readonly string[] | undefined): readonly Choice[] {
  try {
    return (names ?? []).map(parseCapability);
  } catch (thrown) {
    throw within(`invalid ${field}`, thrown);
  }
}

function choose(add: readonly Choice[], drop: readonly Choice[]): readonly CapabilityName[] {
  const kept = (name: CapabilityName): boolean => !drop.includes(name);
  if (add.includes("ALL")) return capabilityNames.filter(kept);
  const added = add.filter((name) => name !== "ALL");
  return drop.includes("ALL") ? added : [...defaultCapabilities.filter(kept), ...added];
}

export function capabilityMask(set: Iterable<CapabilityName>): bigint {
  let mask = 0n;
  for (const name of set) mask |= 1n << BigInt(capabilityNumber(name));
  return mask;
}

/** In the order of their numbers. Bits without a name, of a later kernel, are left out. */
export function capabilitiesOfMask(mask: bigint): CapabilityName[] {
  return capabilityNames.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n);
}

export interface CapabilitySets {
  readonly effective: Iterable<CapabilityName>;
  readonly permitted: Iterable<CapabilityName>;
}

/**
 * The two structures of capset(2), version 3; a pid of 0 is the caller.
 * SAFETY: inheritable is always empty: a file's inheritable bits would give it back what was dropped.
 */
export function encodeCapset(pid: number, sets: CapabilitySets): { header: Uint8Array; data: Uint8Array } {
  const header = new DataView(new ArrayBuffer(8));
  header.setUint32(0, 0x2008_0522, true);
  header.setInt32(4, pid, true);
  const data = new DataView(new ArrayBuffer(24));
  const effective = capabilityMask(sets.effective);
  const permitted = capabilityMask(sets.permitted);
  for (const half of [0, 1]) {
    const shift = BigInt(half * 32);
    data.setUint32(half * 12, Number((effective >> shift) & 0xffff_ffffn), true);
    data.setUint32(half * 12 + 4, Number((permitted >> shift) & 0xffff_ffffn), true);
  }
  return { header: new Uint8Array(header.buffer), data: new Uint8Array(data.buffer) };
}
