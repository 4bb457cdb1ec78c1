import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { syncFilesystem } from "../../linux/files/sync.ts";
import { removeTree, unpackLayer } from "../../linux/tree/tree.ts";
import type { StorageBenchFigures, StorageBenchStep } from "../../model/storage-bench.ts";
import type { Measured } from "./measure-driver.ts";
import { readLargeFile, timed, timedOften, walk, writeLargeFile } from "./measure-tree.ts";
import { sampleLayer } from "./sample-layer.ts";

/** The same with plain files in the directory `path`. */
export async function* measureNative(
  path: string,
  { plan, directory, signal }: Omit<Measured, "diffId">,
): AsyncGenerator<StorageBenchStep, StorageBenchFigures, undefined> {
  // KERNEL: ext4 finds a directory's block group by its name; under the same one it would meet what was just deleted.
  const name = randomBytes(12).toString("hex");
  mkdirSync(join(path, name), { mode: 0o700 });
  using opened = openDirectoryPath(join(path, name));
  const { fd } = opened;
  yield "apply";
  const applyMs = await timed(async () => {
    await unpackLayer(sampleLayer(plan), fd, signal === undefined ? {} : { signal });
    await syncFilesystem(fd);
  });
  yield "read";
  const readMs = await timedOften(() => readLargeFile(fd), { signal });
  yield "walk";
  const walkMs = await timedOften(() => walk(fd, signal), { signal });
  yield "write";
  const firstWriteMs = await timedOften(() => writeLargeFile(fd), { signal });
  yield "remove";
  const removalMs = await timed(() => removeTree(directory, name));
  return { driver: "native", applyMs, firstWriteMs, readMs, walkMs, removalMs };
}
