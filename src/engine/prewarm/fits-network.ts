import { areOfInterfaces } from "../../spec/sysctl.ts";

/**
 * Whether a container can have a prewarmed network namespace in place of a new one. Not where it shares another one;
 * nor with a user namespace, which has to own the network namespace; nor with kernel parameters that its interfaces
 * depend on.
 */
export function fitsPrewarmedNetwork({
  network,
  hasUserNamespace,
  sysctls,
}: {
  /** As in ContainerSpec. */
  readonly network: "none" | "host" | object | undefined;
  readonly hasUserNamespace: boolean;
  readonly sysctls: Readonly<Record<string, string>>;
}): boolean {
  const isNew = network === undefined || network === "none";
  return isNew && !hasUserNamespace && !areOfInterfaces(sysctls);
}
