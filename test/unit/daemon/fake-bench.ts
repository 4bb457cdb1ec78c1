import type { StorageBenchEvent } from "../../../src/model/storage-bench.ts";

/** What a comparison tells that found one driver to work and one not to. */
export const fakeBench: readonly StorageBenchEvent[] = [
  {
    kind: "load",
    load: { sizeBytes: 1024, largeFileBytes: 512, smallFiles: 3, containers: 2, fileSystem: "extfs" },
  },
  { kind: "step", driver: "native", step: "apply" },
  {
    kind: "figures",
    figures: { driver: "native", applyMs: 1, firstWriteMs: 2, readMs: 3, walkMs: 4, removalMs: 5 },
  },
  {
    kind: "figures",
    figures: {
      driver: "vfs",
      applyMs: 1.5,
      containerMs: 0.25,
      startMs: 0.125,
      firstWriteMs: 2,
      readMs: 3,
      walkMs: 4,
      removalMs: 5,
      containerBytes: 4096,
    },
  },
  { kind: "unsupported", driver: "btrfs", reason: "cannot use the btrfs driver here: it is on extfs" },
];
