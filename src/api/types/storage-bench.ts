import type { StorageBenchStep } from "../../model/storage-bench.ts";
import type { ProgressMessage } from "./progress.ts";

export interface StorageBenchLoad {
  readonly Size: number;
  readonly LargeFileSize: number;
  readonly SmallFiles: number;
  readonly Containers: number;
  readonly FileSystem: string;
}

/** Milliseconds; `native` has none of containers. */
export interface StorageBenchFigures {
  readonly Driver: string;
  readonly ApplyMs: number;
  readonly ContainerMs?: number | undefined;
  readonly StartMs?: number | undefined;
  readonly FirstWriteMs: number;
  readonly ReadMs: number;
  readonly WalkMs: number;
  readonly RemovalMs: number;
  /** Bytes of the disk that one more container takes. */
  readonly ContainerSize?: number | undefined;
}

export interface StorageBenchRefusal {
  readonly Driver: string;
  readonly Reason: string;
}

/** One line of `POST /tare/storage/bench`: one of these, the load first; or an error, which is the last. */
export interface StorageBenchMessage extends Pick<ProgressMessage, "error" | "errorDetail"> {
  readonly Load?: StorageBenchLoad | undefined;
  /** It begins. */
  readonly Step?: { readonly Driver: string; readonly Step: StorageBenchStep } | undefined;
  readonly Figures?: StorageBenchFigures | undefined;
  readonly Unsupported?: StorageBenchRefusal | undefined;
}
