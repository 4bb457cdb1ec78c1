import type { Digest } from "../../spec/digest.ts";
import type { StorageDriver } from "../../storage/driver.ts";
import type { State } from "../state/state.ts";

/** Length of the files of each layer that an image has. */
export function knownLayerBytes(state: State): ReadonlyMap<Digest, number> {
  const known = new Map<Digest, number>();
  for (const { config, layerBytes } of state.images()) {
    for (const [index, diffId] of config.diffIds.entries()) known.set(diffId, layerBytes[index] ?? 0);
  }
  return known;
}

/** The same of a list of layers, together; those of which no image is left are measured. */
export async function layerBytesOf(
  layers: readonly Digest[],
  {
    known,
    storage,
    signal,
  }: {
    readonly known: ReadonlyMap<Digest, number>;
    readonly storage: StorageDriver;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<number> {
  let bytes = 0;
  for (const layer of layers) {
    bytes +=
      known.get(layer) ??
      (await storage.usage({ layer }, signal === undefined ? {} : { signal })).contentBytes;
  }
  return bytes;
}
