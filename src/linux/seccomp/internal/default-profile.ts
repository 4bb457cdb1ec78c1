import { keysOf } from "../../../base/keys.ts";
import type { SeccompAction, SeccompCondition, SeccompProfile, SeccompRule } from "../../../spec/seccomp.ts";
import type { CapabilityName } from "../../process/capability.ts";
import { errno } from "../../kernel/errno.ts";
import { deniedCalls, everydayCalls, gatedCalls } from "./default-calls.ts";

const ALLOW: SeccompAction = { kind: "allow", data: 0 };
const EPERM: SeccompAction = { kind: "errno", data: errno.EPERM };
const ENOSYS: SeccompAction = { kind: "errno", data: errno.ENOSYS };

const nowhere = { capabilities: [], architectures: [] } as const;

interface RuleOptions {
  readonly when?: SeccompCondition | undefined;
  /** Only with this capability. */
  readonly having?: CapabilityName | undefined;
  /** Only without this capability. */
  readonly lacking?: CapabilityName | undefined;
}

function rule(action: SeccompAction, names: readonly string[], options: RuleOptions = {}): SeccompRule {
  const { when, having, lacking } = options;
  return {
    names,
    action,
    conditions: when === undefined ? [] : [when],
    includes: having === undefined ? nowhere : { ...nowhere, capabilities: [having] },
    excludes: lacking === undefined ? nowhere : { ...nowhere, capabilities: [lacking] },
  };
}

const int = 0xffff_ffffn;

function equals(index: number, value: bigint): SeccompCondition {
  return { index, op: "EQ", value, valueTwo: 0n };
}

function masked(
  index: number,
  { mask, value }: { readonly mask: bigint; readonly value: bigint },
): SeccompCondition {
  return { index, op: "MASKED_EQ", value: mask, valueTwo: value };
}

/** Always true: the action when no earlier condition held, which is not the profile's default. */
const otherwise: SeccompCondition = { index: 0, op: "GE", value: 0n, valueTwo: 0n };

const AF_ALG = 38n;
const AF_VSOCK = 40n;

/**
 * AF_VSOCK reaches the hypervisor and other machines past the network namespace; AF_ALG is the kernel's crypto, with
 * much code and little use. SAFETY: family is an int: the kernel passes over the register's upper half, and so must we.
 */
const socketRules: readonly SeccompRule[] = [
  rule(EPERM, ["socket"], { when: masked(0, { mask: int, value: AF_ALG }) }),
  rule(EPERM, ["socket"], { when: masked(0, { mask: int, value: AF_VSOCK }) }),
  rule(ALLOW, ["socket"], { when: otherwise }),
];

/** The domains that are harmless, alone or together, and the question which one it is. Source: linux/personality.h. */
const personalities = {
  PER_LINUX: 0n,
  PER_LINUX32: 0x0008n,
  UNAME26: 0x0002_0000n,
  UNAME26_LINUX32: 0x0002_0008n,
  query: int,
} as const;

/** Others switch off address randomization or make address 0 mappable. */
const personalityRules: readonly SeccompRule[] = [
  ...Object.values(personalities).map((value) => rule(ALLOW, ["personality"], { when: equals(0, value) })),
  rule(EPERM, ["personality"], { when: otherwise }),
];

/** CLONE_NEW* of cgroup, user, pid, net, uts, ipc and mount namespaces. Source: linux/sched.h. */
const newNamespaces = 0x7e02_0000n;

/**
 * Without CAP_SYS_ADMIN no call makes a namespace: a user namespace would give all capabilities inside, and with them
 * much of the kernel's surface. clone3 has its flags in memory, where a filter can't look, so it falls to the profile's
 * default, ENOSYS, and C libraries use clone instead.
 */
const cloneRules: readonly SeccompRule[] = [
  rule(ALLOW, ["clone", "clone3"], { having: "CAP_SYS_ADMIN" }),
  rule(ALLOW, ["clone"], { when: masked(0, { mask: newNamespaces, value: 0n }), lacking: "CAP_SYS_ADMIN" }),
  rule(EPERM, ["clone"], { when: otherwise, lacking: "CAP_SYS_ADMIN" }),
];

const gatedNames: readonly string[] = [...new Set(Object.values(gatedCalls).flat())];

/**
 * The profile of a container without a configured one. It refuses known but untrusted calls with EPERM. Unknown calls,
 * which are newer than the profile, do not exist (ENOSYS), so that programs fall back to older ones.
 */
export const defaultSeccompProfile: SeccompProfile = {
  defaultAction: ENOSYS,
  architectures: [],
  archMap: [
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
  ],
  rules: [
    rule(ALLOW, everydayCalls),
    ...keysOf(gatedCalls).map((having) => rule(ALLOW, gatedCalls[having] ?? [], { having })),
    ...cloneRules,
    ...socketRules,
    ...personalityRules,
    // Where a rule above allows one of these as a whole, that one wins.
    rule(EPERM, [...gatedNames, ...deniedCalls]),
  ],
  flags: [],
};
