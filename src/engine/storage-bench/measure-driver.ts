import { filesystemName, filesystemStatus } from "../../linux/mount/filesystem-status.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { syncFilesystem } from "../../linux/files/sync.ts";
import type { Digest } from "../../spec/digest.ts";
import type { StorageDriver } from "../../storage/driver.ts";
import type { StorageBenchFigures, StorageBenchStep } from "../../model/storage-bench.ts";
import { readLargeFile, timed, timedOften, walk, writeLargeFile } from "./measure-tree.ts";
import { type BenchPlan, medianOf } from "./resolve-bench.ts";
import { sampleLayer } from "./sample-layer.ts";

/** A file's blocks are its own there. */
const withoutSharing: ReadonlySet<string> = new Set(["extfs", "tmpfs"]);

export interface Measured {
  readonly plan: BenchPlan;
  readonly diffId: Digest;
  /** Of the directory that all of it is in. */
  readonly directory: Fd;
  readonly signal: AbortSignal | undefined;
}

/** Yields each step as it begins. Leaves the driver empty when it comes to its end. */
export async function* measureDriver(
  storage: StorageDriver,
  { plan, diffId, directory, signal }: Measured,
): AsyncGenerator<StorageBenchStep, StorageBenchFigures, undefined> {
  const layers = [diffId];
  yield "apply";
  const applyMs = await timed(async () => {
    await using draft = await storage.beginLayer();
    await draft.apply(sampleLayer(plan), signal === undefined ? {} : { signal });
    await draft.commit(diffId);
  });

  yield "containers";
  // The additional work for the first container of an image.
  (await storage.viewLayers(layers))[Symbol.dispose]();
  const names = Array.from({ length: plan.containers }, (_, index) => `container-${index}`);
  const freeBefore = await freeBytes(directory);
  for (const name of names) {
    signal?.throwIfAborted();
    await storage.createSnapshot(name, layers);
  }
  const missingBytes = freeBefore - (await freeBytes(directory));
  const ownBytes = await sumOfSizes(storage, { names, signal });
  // Shared blocks are in each file's size. Where there are none, what others write does not count.
  const mayShare = !withoutSharing.has(filesystemName(directory));
  const takenBytes = mayShare ? Math.min(ownBytes, Math.max(0, missingBytes)) : ownBytes;
  const containerBytes = Math.round(takenBytes / names.length);

  yield "start";
  const starts: number[] = [];
  const containerMs = await timedOften(
    async () => {
      const began = performance.now();
      await storage.createSnapshot("run", layers);
      const mounted = await storage.mountSnapshot("run");
      starts.push(performance.now() - began);
      mounted[Symbol.dispose]();
      await storage.removeSnapshot("run");
    },
    { times: plan.runs, after: () => storage.settle(), signal },
  );

  let readMs: number;
  let walkMs: number;
  {
    using mounted = await storage.mountSnapshot(names[0] ?? "");
    yield "read";
    readMs = await timedOften(() => readLargeFile(mounted.mount.fd), { signal });
    yield "walk";
    walkMs = await timedOften(() => walk(mounted.mount.fd, signal), { signal });
  }

  yield "write";
  const writes: number[] = [];
  for (const name of names.slice(0, 3)) {
    signal?.throwIfAborted();
    using mounted = await storage.mountSnapshot(name);
    writes.push(await timed(() => writeLargeFile(mounted.mount.fd)));
  }

  yield "remove";
  for (const name of names) await storage.removeSnapshot(name);
  await storage.awaitSpace();
  const removalMs = await timed(async () => {
    await storage.removeLayer(diffId);
    await storage.awaitSpace();
  });
  const driver = storage.name;
  return {
    driver,
    applyMs,
    containerMs,
    startMs: medianOf(starts),
    firstWriteMs: medianOf(writes),
    readMs,
    walkMs,
    removalMs,
    containerBytes,
  };
}

async function freeBytes(directory: Fd): Promise<number> {
  await syncFilesystem(directory);
  return filesystemStatus(directory).availableBytes;
}

async function sumOfSizes(
  storage: StorageDriver,
  { names, signal }: { readonly names: readonly string[]; readonly signal: AbortSignal | undefined },
): Promise<number> {
  let bytes = 0;
  for (const snapshot of names) {
    bytes += (await storage.usage({ snapshot }, signal === undefined ? {} : { signal })).bytes;
  }
  return bytes;
}
