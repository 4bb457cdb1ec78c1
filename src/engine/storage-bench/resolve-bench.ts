import { formatByteSize } from "../../base/byte-size.ts";
import { Failure } from "../../base/failure.ts";
import type { StorageBenchLoad, StorageBenchOptions } from "../../model/storage-bench.ts";

const MEBIBYTE = 1024 * 1024;
const smallFileBytes = 8192;
const mostBytes = 8 * 1024 * MEBIBYTE;
const mostContainers = 100;

export interface BenchPlan extends Omit<StorageBenchLoad, "fileSystem"> {
  readonly smallFileBytes: number;
  /** How often what is quick is repeated, for a median. */
  readonly runs: number;
}

/** Throws "invalid" for a load that can't be, "exhausted" where a driver that copies would fill the disk. */
export function resolveBench(
  options: Omit<StorageBenchOptions, "signal">,
  { availableBytes }: { readonly availableBytes: number },
): BenchPlan {
  const { quick = false } = options;
  const { sizeBytes = (quick ? 8 : 64) * MEBIBYTE, containers = quick ? 2 : 3 } = options;
  if (!(sizeBytes >= MEBIBYTE && sizeBytes <= mostBytes)) {
    throw refuse("invalid", `the size must be from 1m to 8g, not ${formatByteSize(sizeBytes)}`);
  }
  if (!(Number.isInteger(containers) && containers >= 1 && containers <= mostContainers)) {
    throw refuse("invalid", `there must be 1 to ${mostContainers} containers, not ${containers}`);
  }
  // vfs: the layer, each container, and one more that comes and goes.
  const neededBytes = sizeBytes * (containers + 2) + 64 * MEBIBYTE;
  if (neededBytes > availableBytes) {
    throw refuse(
      "exhausted",
      `up to ${formatByteSize(neededBytes)} are needed on the disk of the data root, and ${formatByteSize(availableBytes)} are free; a smaller size or fewer containers need less`,
    );
  }
  const half = Math.floor(sizeBytes / 2);
  return {
    sizeBytes,
    largeFileBytes: half,
    smallFiles: Math.floor(half / smallFileBytes),
    smallFileBytes,
    containers,
    runs: quick ? 5 : 20,
  };
}

function refuse(kind: "invalid" | "exhausted", detail: string): Failure {
  return new Failure(kind, `cannot compare the storage drivers: ${detail}`);
}

/** Of an even number the lower one of the two in the middle. Not for none. */
export function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? 0;
}
