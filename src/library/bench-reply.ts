import type { StorageBenchMessage } from "../api/types/storage-bench.ts";
import { Failure } from "../base/failure.ts";
import type { StorageBenchEvent } from "../model/storage-bench.ts";
import { refuseError } from "./progress-reply.ts";

/** One line of the daemon, as the engine reported it. Throws the failure that a line contains. */
export function benchEventOf(message: StorageBenchMessage): StorageBenchEvent {
  refuseError(message);
  const { Load, Step, Figures, Unsupported } = message;
  if (Load !== undefined) {
    return {
      kind: "load",
      load: {
        sizeBytes: Load.Size,
        largeFileBytes: Load.LargeFileSize,
        smallFiles: Load.SmallFiles,
        containers: Load.Containers,
        fileSystem: Load.FileSystem,
      },
    };
  }
  if (Step !== undefined) return { kind: "step", driver: Step.Driver, step: Step.Step };
  if (Unsupported !== undefined) {
    return { kind: "unsupported", driver: Unsupported.Driver, reason: Unsupported.Reason };
  }
  if (Figures === undefined)
    throw new Failure("corrupt", "cannot read the stream: a line has neither a step nor figures");
  return {
    kind: "figures",
    figures: {
      driver: Figures.Driver,
      applyMs: Figures.ApplyMs,
      firstWriteMs: Figures.FirstWriteMs,
      readMs: Figures.ReadMs,
      walkMs: Figures.WalkMs,
      removalMs: Figures.RemovalMs,
      containerMs: Figures.ContainerMs,
      startMs: Figures.StartMs,
      containerBytes: Figures.ContainerSize,
    },
  };
}
