import { Failure } from "../../../base/failure.ts";
import type { HostPart } from "../../dependencies.ts";
import { defaultAppArmorProfile, defaultAppArmorText } from "../../resolve/app-armor.ts";
import type { ResolvedContainer } from "../../resolve/container.ts";

/** Sees to it that the default profile is loaded when it is the one. Throws "unavailable" when that can't be done. */
export function loadProfile(host: HostPart, { appArmorProfile }: ResolvedContainer): void {
  if (appArmorProfile !== defaultAppArmorProfile) return;
  const problem = host.loadAppArmorProfile(defaultAppArmorText);
  if (problem === undefined) return;
  throw new Failure(
    "unavailable",
    `cannot load the AppArmor profile "${defaultAppArmorProfile}": ${problem}; to do without it, use --security-opt apparmor=unconfined`,
  );
}
