import { Failure } from "../../../base/failure.ts";
import type { HostPart } from "../../dependencies.ts";
import { defaultAppArmorProfile, defaultAppArmorText } from "../../planning/app-armor.ts";
import type { ContainerPlan } from "../../planning/plan-container.ts";

/** Sees to it that the default profile is loaded when it is the one. Throws "unavailable" when that can't be done. */
export function loadProfile(host: HostPart, { appArmorProfile }: ContainerPlan): void {
  if (appArmorProfile !== defaultAppArmorProfile) return;
  const problem = host.loadAppArmorProfile(defaultAppArmorText);
  if (problem === undefined) return;
  throw new Failure(
    "unavailable",
    `cannot load the AppArmor profile "${defaultAppArmorProfile}": ${problem}; to do without it, use --security-opt apparmor=unconfined`,
  );
}
