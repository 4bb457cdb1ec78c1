import { kindOf } from "../../base/failure.ts";
import type { Digest } from "../../spec/digest.ts";
import { listFormerDrivers } from "../../storage/choose-driver.ts";
import { openStorage } from "../../storage/drivers.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { State } from "../state/state.ts";
import { findLayerBlobs } from "./stored-layers.ts";

/**
 * Removes what a storage driver that is no longer used has of images, as far as it can be made again from blobs, or
 * belongs to no image. Idempotent; a driver that can't be opened here any more is left alone.
 */
export async function dropFormerLayers(
  { dataRoot, storage, content }: Pick<EngineDependencies, "dataRoot" | "storage" | "content">,
  state: State,
): Promise<void> {
  const former = listFormerDrivers(dataRoot, storage.name);
  if (former.length === 0) return;
  const needed = new Set<Digest>();
  for (const record of state.images()) {
    try {
      await findLayerBlobs(record, content);
    } catch {
      for (const diffId of record.config.diffIds) if (!storage.hasLayer(diffId)) needed.add(diffId);
    }
  }
  for (const driver of former) {
    try {
      await using old = await openStorage(dataRoot, { driver });
      for (const diffId of old.listLayers()) if (!needed.has(diffId)) await old.removeLayer(diffId);
    } catch (thrown) {
      if (kindOf(thrown) !== "unsupported") throw thrown;
    }
  }
}
