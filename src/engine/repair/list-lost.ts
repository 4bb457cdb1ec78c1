import { hexOf } from "../../spec/digest.ts";
import { familiar, referencesOf } from "../images/find-image.ts";
import type { State } from "../state/state.ts";
import { listLayerHexes, listSnapshots, namesIn } from "./stored-objects.ts";

/** Lists objects that a copy's records name and the disk lacks, and objects that no copy could contain. */
export function listLost(state: State, dataRoot: string): readonly string[] {
  const copiedAt = state.findFact("copied");
  const lost = [
    copiedAt === undefined
      ? "names of images, networks, secrets and the settings of containers: there is no sound copy"
      : `changes of records after ${copiedAt}`,
  ];
  const snapshots = listSnapshots(dataRoot);
  for (const { id, name } of state.containers()) {
    if (snapshots.has(id)) continue;
    lost.push(`container ${name}: its file system is not there`);
  }
  const layers = listLayerHexes(dataRoot);
  const blobs = new Set(
    ["sha256", "sha512"].flatMap((algorithm) => namesIn(`${dataRoot}/content/blobs/${algorithm}`)),
  );
  for (const { id, config, blobs: needed } of state.images()) {
    const isThere = config.diffIds.every((diffId, index) => {
      const blob = needed[2 + index];
      return layers.has(hexOf(diffId)) || (blob !== undefined && blobs.has(hexOf(blob)));
    });
    if (isThere) continue;
    const references = referencesOf(state, id);
    lost.push(`image ${references.map(familiar)[0] ?? id}: some of its layers are not there`);
  }
  return lost;
}
