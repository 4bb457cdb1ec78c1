import type { SeccompProfile } from "../../spec/seccomp.ts";
import { capabilityNames } from "../process/capability.ts";
import {
  compileSeccomp,
  defaultSeccompProfile,
  parseKernelRelease,
  seccompFlagBits,
  type SeccompOptions,
} from "./seccomp.ts";
import { encodeAction } from "./internal/action.ts";
import { code, decodeInstructions } from "./internal/instruction.ts";
import { resolveProfile } from "./internal/resolve.ts";
import { verifySeccomp } from "./internal/verify.ts";
import { compileTraced, type SeccompWatch, type UntracedCall } from "./internal/traced.ts";

export type { SeccompWatch, UntracedCall } from "./internal/traced.ts";
export { verdictBits } from "./internal/traced.ts";

/** The profile of a process without a filter: every call in every ABI. */
export const permissiveSeccompProfile: SeccompProfile = {
  ...defaultSeccompProfile,
  defaultAction: { kind: "allow", data: 0 },
  rules: [],
};

export interface TracedSeccomp {
  /** For seccomp(2), with `flags`; the call returns a listener's descriptor. */
  readonly filter: Uint8Array;
  readonly flags: number;
  /** For the listener: what it does with each call that it is handed. */
  readonly policy: Uint8Array;
  /** The profile without tracing. */
  readonly profile: Uint8Array;
}

const WAIT_KILLABLE_RECV = 32;

/**
 * As compileSeccomp(), for a filter that hands the traced calls over to a listener. KERNEL(5.19): a signal does not
 * restart a call that the listener has received. Undefined when it would never hand over a call.
 */
export function compileTracedSeccomp(
  profile: SeccompProfile,
  options: SeccompOptions & { readonly watch: SeccompWatch; readonly untraced: readonly UntracedCall[] },
): TracedSeccomp | undefined {
  const kernel = parseKernelRelease(options.kernel);
  const resolved = resolveProfile(profile, { ...options, kernel });
  const lacking = new Set(capabilityNames.filter((name) => !options.capabilities.has(name)));
  const programs = compileTraced(resolved, { ...options, lacking });
  if (!handsOver(programs.filter)) return undefined;
  verifySeccomp(programs.filter);
  verifySeccomp(programs.policy);
  const isNew = kernel[0] > 5 || (kernel[0] === 5 && kernel[1] >= 19);
  return {
    ...programs,
    flags: seccompFlagBits(profile, { listens: true }) | (isNew ? WAIT_KILLABLE_RECV : 0),
    profile: compileSeccomp(profile, options),
  };
}

function handsOver(filter: Uint8Array): boolean {
  const notify = encodeAction({ kind: "notify", data: 0 });
  return decodeInstructions(filter).some((each) => each.code === code.return && each.k === notify);
}
