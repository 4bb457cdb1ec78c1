import type { RunDevice } from "../../spec/cdi-name.ts";
import type { ContainerContext } from "../context.ts";

/**
 * The CDI devices that a step asks for, by name; undefined: none. Loads the code of CDI with the first step that asks.
 * Throws what resolveStepDevices() throws.
 */
export async function findStepDevices(
  { dependencies }: ContainerContext,
  devices: readonly RunDevice[],
  entitlements: readonly string[],
): Promise<readonly string[] | undefined> {
  if (devices.length === 0) return undefined;
  const { defaultCdiDirectories, readCdiDevices } = await import("../host/cdi-specs.ts");
  const { resolveStepDevices } = await import("./resolve-step-devices.ts");
  const found = await readCdiDevices(dependencies.settings.cdiSpecDirectories ?? defaultCdiDirectories);
  // SPEC: BuildKit's order of devices is that of their names.
  const known = new Map(
    [...found.devices]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, { spec }]) => [name, spec.annotations.get(name.slice(name.indexOf("=") + 1)) ?? {}]),
  );
  const names = resolveStepDevices(devices, { known, entitlements });
  return names.length === 0 ? undefined : names;
}
