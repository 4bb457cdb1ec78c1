import type { CheckFinding } from "../../model/engine.ts";
import type { VolumeCatalog } from "./volume-catalog.ts";

/** Compares the records of volumes with the disk; those that are being made or removed are no finding. */
export function checkVolumes(catalog: VolumeCatalog): readonly CheckFinding[] {
  const known = new Set(catalog.list().map(({ name }) => name));
  const found = new Set(catalog.store.list());
  return [
    ...[...known]
      .filter((name) => !found.has(name))
      .map((name) => finding(name, "has lost its directory", "create it again, or remove it")),
    ...[...found]
      .filter((name) => !catalog.isHeld(name))
      .flatMap((name) => [
        ...(known.has(name)
          ? []
          : [finding(name, "is on the disk, but not known", "restart the engine: it takes it in")]),
        ...(catalog.store.isWhole(name)
          ? []
          : [finding(name, "is not filled to its end", "restart the engine: it finishes it")]),
      ]),
    ...catalog.store.findings(),
  ];
}

function finding(name: string, problem: string, advice: string): CheckFinding {
  return { subject: `volume ${name}`, problem, advice };
}
