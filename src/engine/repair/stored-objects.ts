import { parseTrustedJson } from "../../base/trusted-json.ts";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Digest, findDigest } from "../../spec/digest.ts";

/** The layers that a snapshot stands on, by its id, of all storage drivers; undefined where the list can't be read. */
export function listSnapshots(dataRoot: string): ReadonlyMap<string, readonly Digest[] | undefined> {
  const found = new Map<string, readonly Digest[] | undefined>();
  for (const driver of namesIn(join(dataRoot, "storage"))) {
    const snapshots = join(dataRoot, "storage", driver, "snapshots");
    for (const id of namesIn(snapshots)) found.set(id, findLayers(join(snapshots, id, "layers")));
  }
  return found;
}

/** The hex of each layer that is unpacked, of all storage drivers. */
export function listLayerHexes(dataRoot: string): ReadonlySet<string> {
  const drivers = namesIn(join(dataRoot, "storage"));
  return new Set(drivers.flatMap((driver) => namesIn(join(dataRoot, "storage", driver, "layers"))));
}

function findLayers(path: string): readonly Digest[] | undefined {
  try {
    const names = parseTrustedJson<readonly string[]>(readFileSync(path, "utf8"));
    const digests = names.map((name) => findDigest(name)).filter((digest) => digest !== undefined);
    return digests.length < names.length ? undefined : digests;
  } catch {
    return undefined;
  }
}

export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
