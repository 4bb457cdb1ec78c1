import { open } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import type { Fd } from "../../linux/kernel/fd.ts";
import { measureTree } from "../../linux/tree/tree.ts";
import { medianOf } from "./resolve-bench.ts";
import { largeFile } from "./sample-layer.ts";

const readBytes = 1024 * 1024;
const repeats = 3;
const enoughMs = 2_000;

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** The median of some; what comes after is not counted. */
export async function timedOften(
  work: () => Promise<unknown>,
  {
    times = repeats,
    after = async () => {},
    signal,
  }: {
    readonly times?: number | undefined;
    readonly after?: (() => Promise<void>) | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<number> {
  const all: number[] = [];
  const began = performance.now();
  for (let time = 0; time < times; time++) {
    signal?.throwIfAborted();
    all.push(await timed(work));
    await after();
    // A few samples are enough for a slow operation.
    if (all.length >= repeats && performance.now() - began > enoughMs) break;
  }
  return medianOf(all);
}

export async function readLargeFile(root: Fd): Promise<void> {
  await using file = await open(pathOf(root), "r");
  const buffer = new Uint8Array(readBytes);
  while ((await file.read(buffer, 0, buffer.length)).bytesRead > 0);
}

export async function writeLargeFile(root: Fd): Promise<void> {
  await using file = await open(pathOf(root), "r+");
  await file.write(new Uint8Array(4096), 0, 4096, 0);
}

export async function walk(root: Fd, signal: AbortSignal | undefined): Promise<void> {
  await measureTree(root, { signal });
}

/** SAFETY: this process created the tree, and no other process accesses it. */
function pathOf(root: Fd): string {
  return `/proc/self/fd/${root}/${largeFile}`;
}
