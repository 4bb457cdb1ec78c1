import { readdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../linux/files/file-failure.ts";
import { openDirectoryPath } from "../linux/files/open.ts";
import { measureTree } from "../linux/tree/tree.ts";
import type { EngineDependencies } from "./dependencies.ts";
import type { StoreKind, StoreUsage, StoreUsageRow } from "../model/usage.ts";

/** Where in the data root each kind of thing is; `*` is any storage driver. */
const paths: readonly (readonly [kind: StoreKind, paths: readonly string[]])[] = [
  ["layers", ["storage/*/layers", "storage/*/views"]],
  ["blobs", ["content/blobs"]],
  ["dropped-blobs", ["content/absent"]],
  ["partial-downloads", ["content/partial", "content/ingest"]],
  ["containers", ["storage/*/snapshots", "storage/*/prewarmed", "containers"]],
  ["volumes", ["volumes"]],
  ["being-removed", ["storage/*/trash", "storage/*/drafts"]],
];

/** Measures the disk usage of the data root's contents by a walk; the rows together are all of it. */
export async function measureStore(
  { dataRoot, content, storage }: EngineDependencies,
  { policy, signal }: { readonly policy: string; readonly signal?: AbortSignal | undefined },
): Promise<StoreUsage> {
  const counted = new Set<bigint>();
  const drivers = namesIn(join(dataRoot, "storage"));
  const bytesOf = async (path: string): Promise<number> => {
    try {
      using directory = openDirectoryPath(path);
      return (await measureTree(directory.fd, { signal, counted })).bytes;
    } catch (thrown) {
      if (["ENOENT", "ENOTDIR"].includes(codeOf(thrown) ?? "")) return 0;
      throw thrown;
    }
  };
  const rows: StoreUsageRow[] = [];
  const absent = content.absent.list();
  const rebuildable = absent.filter(({ form }) => form !== undefined);
  const counts: Partial<Record<StoreKind, number>> = {
    layers: storage.listLayers().length,
    blobs: (await content.list()).length,
    "dropped-blobs": absent.length,
    "partial-downloads": (await content.listPartial()).length,
    containers: (await storage.listSnapshots()).length,
    volumes: namesIn(join(dataRoot, "volumes")).length,
  };
  for (const [kind, patterns] of paths) {
    let bytes = 0;
    for (const pattern of patterns) {
      const paths = pattern.includes("*") ? drivers.map((name) => pattern.replace("*", name)) : [pattern];
      for (const path of paths) bytes += await bytesOf(join(dataRoot, path));
    }
    rows.push({ kind, count: counts[kind] ?? 0, bytes });
  }
  const totalBytes = await wholeBytes(dataRoot, signal);
  const known = rows.reduce((sum, { bytes }) => sum + bytes, 0);
  rows.push({ kind: "records", count: 0, bytes: Math.max(0, totalBytes - known) });
  return {
    policy,
    totalBytes: Math.max(totalBytes, known),
    rows,
    rebuildable: { count: rebuildable.length, bytes: sizeOf(rebuildable) },
    refetchable: {
      count: absent.length - rebuildable.length,
      bytes: sizeOf(absent) - sizeOf(rebuildable),
    },
  };
}

async function wholeBytes(dataRoot: string, signal: AbortSignal | undefined): Promise<number> {
  using directory = openDirectoryPath(dataRoot);
  return (await measureTree(directory.fd, { signal })).bytes;
}

function sizeOf(blobs: readonly { readonly size: number }[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith("."));
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
}
