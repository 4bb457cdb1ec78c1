import { isOneOf } from "../../base/keys.ts";
import type { SeccompProfile } from "../../spec/seccomp.ts";
import { type CapabilityName, capabilityNames } from "../process/capability.ts";
import { interpretSeccomp, parseKernelRelease, type SeccompOptions } from "./seccomp.ts";
import { findCall } from "./calls.ts";
import { isPermissive } from "./internal/action.ts";
import { compileDecisions } from "./internal/compile.ts";
import { capabilityNeeds } from "./internal/needed-capability.ts";
import { resolveProfile } from "./internal/resolve.ts";

/** A call as a filter sees it. */
export interface CheckedCall {
  /** AUDIT_ARCH_*. */
  readonly audit: number;
  readonly number: number;
  readonly args: readonly bigint[];
}

/**
 * The capabilities of which each one alone would make the profile allow this call, the narrowest first. Empty also
 * where nothing denies it.
 */
export function capabilitiesThatAllow(
  profile: SeccompProfile,
  call: CheckedCall,
  options: SeccompOptions,
): readonly CapabilityName[] {
  const name = findCall(call.audit, call.number)?.name;
  if (name === undefined) return [];
  const rules = profile.rules
    .filter((rule) => rule.names.includes(name))
    .map((rule) => ({ ...rule, names: [name] }));
  const own: SeccompProfile = { ...profile, rules };
  const kernel = parseKernelRelease(options.kernel);
  const allows = (capabilities: ReadonlySet<CapabilityName>): boolean => {
    const program = compileDecisions(resolveProfile(own, { ...options, capabilities, kernel }));
    const { audit, number, args } = call;
    return isPermissive(interpretSeccomp(program, { arch: audit, nr: number, args, instructionPointer: 0n }));
  };
  if (allows(options.capabilities)) return [];
  const named = new Set(rules.flatMap(({ includes }) => includes.capabilities));
  return [...named]
    .filter((capability): capability is CapabilityName => isOneOf(capabilityNames, capability))
    .filter((capability) => !options.capabilities.has(capability))
    .filter((capability) => allows(new Set([...options.capabilities, capability])))
    .toSorted((one, other) => Number(one === widest) - Number(other === widest));
}

/** The capability with which one can do nearly all. */
const widest: CapabilityName = "CAP_SYS_ADMIN";

/** Which capability the kernel wants for a call of this name that was handed over for want of it. */
export function capabilityNeededBy(
  name: string,
  capabilities: ReadonlySet<CapabilityName>,
): CapabilityName | undefined {
  return capabilityNeeds.find((need) => need.name === name && !capabilities.has(need.capability))?.capability;
}
