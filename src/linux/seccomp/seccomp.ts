import { Failure } from "../../base/failure.ts";
import { RecentMap } from "../../base/recent-map.ts";
import type { SeccompFlag, SeccompProfile } from "../../spec/seccomp.ts";
import type { MachineArchitecture } from "../constants/architecture.ts";
import { type CapabilityName, capabilityMask } from "../process/capability.ts";
import { machines } from "./internal/abi.ts";
import { compileDecisions } from "./internal/compile.ts";
import { defaultSeccompProfile } from "./internal/default-profile.ts";
import { resolveProfile } from "./internal/resolve.ts";
import { verifySeccomp } from "./internal/verify.ts";

export { defaultSeccompProfile } from "./internal/default-profile.ts";
export { interpretSeccomp } from "./internal/interpret.ts";
export { verifySeccomp } from "./internal/verify.ts";

export interface SeccompOptions {
  /** The bounding set of the process. */
  readonly capabilities: ReadonlySet<CapabilityName>;
  readonly architecture: MachineArchitecture;
  /** The release that uname(2) gives: `6.12.48+deb13-amd64`. */
  readonly kernel: string;
}

/** A profile seldom meets more circumstances than this; programs are forgotten then. */
const maxCached = 32;
const cache = new WeakMap<SeccompProfile, RecentMap<string, Uint8Array>>();

/**
 * The program for seccomp(2): an array of sock_filter, which is the caller's own. Compiled once for a profile object
 * in the same circumstances. Throws "invalid" for a profile that needs more instructions than the kernel allows.
 */
export function compileSeccomp(profile: SeccompProfile | "default", options: SeccompOptions): Uint8Array {
  const chosen = profile === "default" ? defaultSeccompProfile : profile;
  const key = `${options.architecture} ${options.kernel} ${capabilityMask(options.capabilities)}`;
  let programs = cache.get(chosen);
  if (programs === undefined) cache.set(chosen, (programs = new RecentMap(maxCached)));
  const program = programs.get(key, () => {
    const kernel = parseKernelRelease(options.kernel);
    const compiled = compileDecisions(resolveProfile(chosen, { ...options, kernel }));
    verifySeccomp(compiled);
    return compiled;
  });
  return program.slice();
}

/** AUDIT_ARCH_* of the machine's own calls, for interpretSeccomp(). */
export function auditArchitecture(architecture: MachineArchitecture): number {
  return machines[architecture].native.audit;
}

/** SECCOMP_FILTER_FLAG_*. Source: linux/seccomp.h. */
const flagBits: Readonly<Record<SeccompFlag, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};
const NEW_LISTENER = 8;
const TSYNC_ESRCH = 16;

/**
 * The flags of seccomp(2) with SECCOMP_SET_MODE_FILTER. With a "notify" rule, or when the caller asks for a listener,
 * the call returns a listener's descriptor. KERNEL(5.7): TSYNC and a listener require TSYNC_ESRCH.
 */
export function seccompFlagBits(
  profile: SeccompProfile,
  { listens = false }: { readonly listens?: boolean | undefined } = {},
): number {
  const given = profile.flags.reduce((bits, flag) => bits | flagBits[flag], 0);
  if (!listens && !profile.rules.some((rule) => rule.action.kind === "notify")) return given;
  return given | NEW_LISTENER | ((given & flagBits.SECCOMP_FILTER_FLAG_TSYNC) === 0 ? 0 : TSYNC_ESRCH);
}

/** `[major, minor]` of a release as uname(2) gives it. */
export function parseKernelRelease(release: string): readonly [number, number] {
  const parts = /^(\d+)\.(\d+)/.exec(release);
  if (parts === null)
    throw new Failure("invalid", `cannot read the kernel release "${release.slice(0, 80)}"`);
  return [Number(parts[1]), Number(parts[2])];
}
