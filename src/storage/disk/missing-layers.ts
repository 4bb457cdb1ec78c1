import type { Digest } from "../../spec/digest.ts";
import type { StorageFinding } from "../driver.ts";
import type { SnapshotDirectory } from "./snapshot-directory.ts";

/** Snapshots that have lost a layer, or the list of them. */
export function findMissingLayers(
  snapshots: SnapshotDirectory,
  layers: { has(diffId: Digest): boolean },
): StorageFinding[] {
  const findings: StorageFinding[] = [];
  for (const id of snapshots.list()) {
    const list = snapshots.findLayersOf(id);
    if (list === undefined) {
      findings.push({
        subject: `snapshot ${id}`,
        problem: "its list of layers can't be read",
        advice: "remove its container; what was written to it is in its directory",
      });
    }
    for (const diffId of (list ?? []).filter((each) => !layers.has(each))) {
      findings.push({
        subject: `snapshot ${id}`,
        problem: `its layer ${diffId} is missing`,
        advice: "load or pull its image again",
      });
    }
  }
  return findings;
}
