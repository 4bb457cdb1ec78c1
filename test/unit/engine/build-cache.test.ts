import { describe, expect, test } from "bun:test";
import { listBuildCache, pruneBuildCache, trimBuildCache } from "../../../src/engine/builds/build-cache.ts";
import type { BuildCacheEntry } from "../../../src/engine/state/records.ts";
import { compileCacheQuery } from "../../../src/api/image/cache-filters.ts";
import { digestOf } from "../../../src/spec/digest.ts";

type Context = Parameters<typeof listBuildCache>[0];
type Caches = Parameters<typeof listBuildCache>[1];

const day = 24 * 60 * 60 * 1000;

function step(
  key: string,
  { bytes = 10, ageMs = 0 }: { bytes?: number; ageMs?: number } = {},
): BuildCacheEntry {
  const digest = digestOf(Buffer.from(key));
  const usedAt = Date.now() - ageMs;
  return {
    kind: "step",
    key,
    description: `[1/1] RUN ${key}`,
    createdAt: usedAt,
    usedAt,
    uses: 1,
    layer: { diffId: digest, digest, mediaType: "application/vnd.oci.image.layer.v1.tar", size: bytes },
    bytes,
  };
}

function cacheOf(
  entries: readonly BuildCacheEntry[],
  { imageLayers = [] as readonly string[], used = "" } = {},
): {
  readonly context: Context;
  readonly caches: Caches;
  readonly removed: string[];
  readonly keys: () => string[];
} {
  const records = new Map(entries.map((entry) => [entry.key, entry]));
  const removed: string[] = [];
  const state = {
    images: () => [{ config: { diffIds: imageLayers } }],
    buildCache: () => records,
    removeBuildCache: (key: string) => void records.delete(key),
  };
  return {
    context: { state } as unknown as Context,
    caches: {
      mounts: {
        isUsed: (key) => key === used,
        remove: (key) => void removed.push(key),
      },
      sources: {
        isUsed: ({ key }) => key === used,
        remove: ({ key }) => Promise.resolve(void removed.push(key)),
      },
    },
    removed,
    keys: () => [...records.keys()],
  };
}

async function prune(
  cache: ReturnType<typeof cacheOf>,
  options: Parameters<typeof pruneBuildCache>[2],
): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of pruneBuildCache(cache.context, cache.caches, options)) found.push(id);
  return found;
}

describe("pruneBuildCache()", () => {
  test("removes what was used longest ago first, until few enough bytes are left", async () => {
    const cache = cacheOf([step("new"), step("old", { ageMs: 2 * day }), step("older", { ageMs: 3 * day })]);
    expect(await prune(cache, { reservedBytes: 10 })).toEqual(["older", "old"]);
    expect(cache.keys()).toEqual(["new"]);
  });

  test("leaves what images have, and with all removes it, too", async () => {
    const kept = step("kept");
    const imageLayers = kept.kind === "step" ? [kept.layer.diffId] : [];
    const cache = cacheOf([kept, step("other")], { imageLayers });
    expect(await prune(cache, {})).toEqual(["other"]);
    expect(await prune(cache, { all: true })).toEqual(["kept"]);
  });

  test("leaves a directory that a step uses, and removes the others with their content", async () => {
    const mount = (key: string): BuildCacheEntry => ({
      kind: "mount",
      key,
      description: "cached",
      createdAt: 0,
      usedAt: 0,
      uses: 1,
    });
    const cache = cacheOf([mount("a"), mount("b")], { used: "a" });
    expect(await prune(cache, { all: true })).toEqual(["b"]);
    expect(cache.removed).toEqual(["b"]);
  });

  test.each([
    [{ id: ["n"] }, ["new"]],
    [{ type: ["exec.cachemount"] }, []],
    [{ until: ["24h"] }, ["old"]],
    [{ description: ["[1/1] RUN new"] }, ["new"]],
    [{ shared: ["true"] }, []],
    [{ mutable: ["false"] }, ["old", "new"]],
    [{ id: ["^.e"] }, ["new"]],
    [{ "description~": ["RUN (?:old|older)$"] }, ["old"]],
    [{ "type!": ["regular"] }, []],
    [{ "unused-for": ["24h"], private: [] }, ["old"]],
  ])("removes only what the filter %p selects", async (filters, expected) => {
    const cache = cacheOf([step("new"), step("old", { ageMs: 2 * day })]);
    expect(await prune(cache, { select: compileCacheQuery(filters) })).toEqual(expected);
    expect(cache.keys()).toHaveLength(2 - expected.length);
  });

  test("refuses filters that are none", () => {
    expect(() => compileCacheQuery({ nothing: ["1"] })).toThrow("invalid filter 'nothing'");
    expect(() => compileCacheQuery({ until: ["1h"], "unused-for": ["1h"] })).toThrow("conflicting filters");
    expect(() => compileCacheQuery({ id: ["("] })).toThrow("cannot parse the regular expression");
  });

  test.each([
    ["a most of used space", { maxUsedBytes: 15 }, ["older", "old"]],
    ["reserved space over that", { maxUsedBytes: 15, reservedBytes: 25 }, ["older"]],
    ["free space that is there", { minFreeBytes: 100, freeBytes: 100 }, []],
    ["free space that is missing", { minFreeBytes: 100, freeBytes: 95 }, ["older"]],
    [
      "free space, of which some is reserved",
      { minFreeBytes: 100, freeBytes: 0, reservedBytes: 20 },
      ["older"],
    ],
  ])("keeps %s", async (_, options, expected) => {
    const cache = cacheOf([step("new"), step("old", { ageMs: 2 * day }), step("older", { ageMs: 3 * day })]);
    expect(await prune(cache, options)).toEqual(expected);
  });
});

test("trimBuildCache() removes what is old, and then what is beyond a tenth of the file system", async () => {
  const cache = cacheOf([
    step("ancient", { ageMs: 31 * day, bytes: 1 }),
    step("older", { ageMs: 2 * day, bytes: 60 }),
    step("newer", { bytes: 60 }),
  ]);
  await trimBuildCache(cache.context, cache.caches, 1000);
  expect(cache.keys()).toEqual(["newer"]);
});
