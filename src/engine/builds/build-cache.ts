import type { BuildCacheRecord, PruneCacheOptions } from "../../model/builds.ts";
import type { ContainerContext } from "../context.ts";
import type { BuildCacheEntry } from "../state/records.ts";
import type { BuildSources } from "./build-sources.ts";
import type { CacheMounts } from "./step-mounts.ts";

/** What records of the cache have in directories of their own. */
export interface CacheFiles {
  readonly mounts: Pick<CacheMounts, "isUsed" | "remove">;
  readonly sources: Pick<BuildSources, "isUsed" | "remove">;
}

/** The cache as Docker's clients list it: what was used last comes first. Sizes of mounts are not counted. */
export function listBuildCache(context: ContainerContext, caches: CacheFiles): readonly BuildCacheRecord[] {
  const imageLayers = new Set<string>(context.state.images().flatMap(({ config }) => config.diffIds));
  return [...context.state.buildCache().values()]
    .map((entry) => describe(entry, { imageLayers, caches }))
    .sort((one, other) => (other.lastUsedAtMs ?? 0) - (one.lastUsedAtMs ?? 0));
}

function describe(
  entry: BuildCacheEntry,
  { imageLayers, caches }: { readonly imageLayers: ReadonlySet<string>; readonly caches: CacheFiles },
): BuildCacheRecord {
  const { key, description, createdAt, usedAt, uses } = entry;
  const common = {
    id: key,
    description,
    createdAtMs: createdAt,
    lastUsedAtMs: usedAt,
    usageCount: uses,
  };
  if (entry.kind === "mount") {
    return {
      ...common,
      parents: [],
      kind: "exec.cachemount",
      inUse: caches.mounts.isUsed(key),
      shared: false,
      mutable: true,
      sizeBytes: 0,
    };
  }
  if (entry.kind === "source") {
    return {
      ...common,
      parents: [],
      kind: entry.source === "git" ? "source.git.checkout" : "regular",
      inUse: caches.sources.isUsed(entry),
      shared: false,
      mutable: false,
      sizeBytes: entry.bytes,
    };
  }
  return {
    ...common,
    // Results are known by content: they stand on no other record.
    parents: [],
    kind: "regular",
    inUse: false,
    shared: imageLayers.has(entry.layer.diffId),
    mutable: false,
    sizeBytes: entry.bytes,
  };
}

/** What was not used for so long goes with the next build. */
const longestUnusedMs = 30 * 24 * 60 * 60 * 1000;

/** Keeps the cache within bounds: nothing that is old, and at most a tenth of the file system. */
export async function trimBuildCache(
  context: ContainerContext,
  caches: CacheFiles,
  fileSystemBytes: number,
): Promise<void> {
  const old = pruneBuildCache(context, caches, { all: true, unusedForMs: longestUnusedMs });
  for await (const record of old) void record;
  const excess = pruneBuildCache(context, caches, {
    all: true,
    maxUsedBytes: Math.floor(fileSystemBytes / 10),
  });
  for await (const record of excess) void record;
}

/** Removes records, what was not used for the longest time first. `freeBytes` are those of the file system. */
export async function* pruneBuildCache(
  context: ContainerContext,
  caches: CacheFiles,
  {
    all = false,
    select = () => true,
    unusedForMs = 0,
    freeBytes = Infinity,
    signal,
    ...bounds
  }: PruneCacheOptions & { readonly freeBytes?: number | undefined },
): AsyncGenerator<BuildCacheRecord, void> {
  const known = listBuildCache(context, caches).toReversed();
  let total = known.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const keptBytes = bytesToKeep(bounds, { totalBytes: total, freeBytes });
  const now = Date.now();
  for (const record of known) {
    signal?.throwIfAborted();
    if (record.inUse || (record.shared && !all) || !select(record)) continue;
    if (now - (record.lastUsedAtMs ?? record.createdAtMs) < unusedForMs) continue;
    if (keptBytes !== undefined && total <= keptBytes) return;
    const entry = context.state.buildCache().get(record.id);
    context.state.removeBuildCache(record.id);
    if (entry?.kind === "mount") caches.mounts.remove(record.id);
    if (entry?.kind === "source") await caches.sources.remove(entry);
    total -= record.sizeBytes;
    yield record;
  }
  await Promise.resolve();
}

/** How many bytes of cache a prune leaves; undefined: it has no bound. SPEC: docker buildx prune. */
function bytesToKeep(
  {
    reservedBytes,
    maxUsedBytes,
    minFreeBytes,
  }: Pick<PruneCacheOptions, "reservedBytes" | "maxUsedBytes" | "minFreeBytes">,
  { totalBytes, freeBytes }: { readonly totalBytes: number; readonly freeBytes: number },
): number | undefined {
  if (reservedBytes === undefined && maxUsedBytes === undefined && minFreeBytes === undefined)
    return undefined;
  const used = maxUsedBytes ?? (minFreeBytes === undefined ? 0 : totalBytes);
  const missing = Math.max(0, (minFreeBytes ?? 0) - freeBytes);
  return Math.max(reservedBytes ?? 0, missing === 0 ? used : Math.min(used, totalBytes - missing));
}
