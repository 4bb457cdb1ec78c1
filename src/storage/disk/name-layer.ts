import { fsyncSync, renameSync } from "node:fs";
import { fault } from "../../base/fault.ts";
import { openDirectoryPath } from "../../linux/open.ts";
import type { Digest } from "../../spec/digest.ts";
import type { Places } from "./places.ts";

/** Gives a layer, all of which is on the disk, its name, which is on the disk when this returns. */
export function nameLayer(
  draft: string,
  { diffId, places }: { readonly diffId: Digest; readonly places: Places },
): void {
  fault("layer.synced");
  renameSync(draft, places.layer(diffId));
  fault("layer.named");
  using directory = openDirectoryPath(places.layers);
  fsyncSync(directory.fd);
}
