import type { CapabilityName } from "../../linux/process/capability.ts";
import { errnoName } from "../../linux/kernel/errno.ts";
import { capabilitiesThatAllow, capabilityNeededBy } from "../../linux/seccomp/advice.ts";
import type { SeccompOptions } from "../../linux/seccomp/seccomp.ts";
import type { TracedCall } from "../../runtime/traced-calls.ts";
import type { SeccompProfile } from "../../spec/seccomp.ts";
import type { Denial } from "../../model/denials.ts";
import { callsWithoutAppArmor, defaultAppArmorProfile } from "./app-armor.ts";

/** The settings that decided on the calls of a process. */
export interface DenialPolicy {
  readonly profile: SeccompProfile;
  /** The profile is the engine's own. */
  readonly isDefault: boolean;
  readonly options: SeccompOptions;
  readonly appArmorProfile?: string | undefined;
}

/** Explains which mechanism denied a call, and which option would allow it. Pure. */
export function describeDenial(call: TracedCall, policy: DenialPolicy): Omit<Denial, "execId"> {
  const { by, advice } = reasonOf(call, policy);
  // Calls that a later check denies even when seccomp and capabilities allow them.
  const isLockedTwice =
    policy.appArmorProfile === defaultAppArmorProfile && callsWithoutAppArmor.has(call.found.name ?? "");
  const { found, number, args, count, firstNs, lastNs, pid, text } = call;
  return {
    call: found.name ?? `call ${number}`,
    architecture: found.architecture,
    args,
    text,
    error: call.answer === "allowed" ? undefined : errnoName(call.answer.errno),
    by,
    advice: isLockedTwice ? `${advice} --security-opt apparmor=unconfined` : advice,
    count,
    firstAt: Number(firstNs / 1_000_000n),
    lastAt: Number(lastNs / 1_000_000n),
    pid,
  };
}

function reasonOf(
  call: TracedCall,
  { profile, isDefault, options }: DenialPolicy,
): Pick<Denial, "by" | "advice"> {
  if (call.answer === "allowed") {
    const needed = capabilityNeededBy(call.found.name ?? "", options.capabilities);
    return needed === undefined
      ? { by: "the kernel", advice: "a capability" }
      : { by: `the kernel (it needs ${needed})`, advice: addCapability(needed) };
  }
  const [capability] = capabilitiesThatAllow(profile, call, options);
  const advice =
    capability !== undefined
      ? addCapability(capability)
      : isDefault
        ? "--security-opt seccomp=FILE, with a profile that allows it"
        : "a rule for it in the profile";
  return { by: isDefault ? "the default profile" : "the seccomp profile", advice };
}

function addCapability(name: CapabilityName): string {
  return `--cap-add ${name.replace(/^CAP_/, "")}`;
}
