import type { StorageBenchMessage } from "../../api/types/storage-bench.ts";
import type { StorageBenchEvent } from "../../model/storage-bench.ts";

export function benchMessageOf(event: StorageBenchEvent): StorageBenchMessage {
  switch (event.kind) {
    case "load": {
      const { sizeBytes, largeFileBytes, smallFiles, containers, fileSystem } = event.load;
      return {
        Load: {
          Size: sizeBytes,
          LargeFileSize: largeFileBytes,
          SmallFiles: smallFiles,
          Containers: containers,
          FileSystem: fileSystem,
        },
      };
    }
    case "step":
      return { Step: { Driver: event.driver, Step: event.step } };
    case "unsupported":
      return { Unsupported: { Driver: event.driver, Reason: event.reason } };
    case "figures": {
      const {
        driver,
        applyMs,
        containerMs,
        startMs,
        firstWriteMs,
        readMs,
        walkMs,
        removalMs,
        containerBytes,
      } = event.figures;
      return {
        Figures: {
          Driver: driver,
          ApplyMs: applyMs,
          ContainerMs: containerMs,
          StartMs: startMs,
          FirstWriteMs: firstWriteMs,
          ReadMs: readMs,
          WalkMs: walkMs,
          RemovalMs: removalMs,
          ContainerSize: containerBytes,
        },
      };
    }
    default:
      return event satisfies never;
  }
}
