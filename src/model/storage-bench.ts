/** The load for the comparison of storage drivers; absent: one that takes well under half a minute. */
export interface StorageBenchOptions {
  /** A tenth of the load. */
  readonly quick?: boolean | undefined;
  /** Of the layer: half of it one file, half of it small ones. */
  readonly sizeBytes?: number | undefined;
  readonly containers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Files and containers that each driver is measured with. */
export interface StorageBenchLoad {
  readonly sizeBytes: number;
  readonly largeFileBytes: number;
  readonly smallFiles: number;
  readonly containers: number;
  /** The data root's, as Docker names it. */
  readonly fileSystem: string;
}

/** Steps of a measurement, in their order. */
export const storageBenchSteps = ["apply", "containers", "start", "read", "walk", "write", "remove"] as const;
/** One of `storageBenchSteps`. */
export type StorageBenchStep = (typeof storageBenchSteps)[number];

/** Of one driver, or of "native": plain files, without containers. */
export interface StorageBenchFigures {
  readonly driver: string;
  /** The layer from its tar until it is safe on the disk. */
  readonly applyMs: number;
  /** Prepare, mount and remove a container's file system; the median. */
  readonly containerMs?: number | undefined;
  /** Of that, prepare and mount: what a start waits for. */
  readonly startMs?: number | undefined;
  /** The first 4 KiB that a container writes into the large file of its image. */
  readonly firstWriteMs: number;
  /** The large file from its begin to its end, out of the kernel's cache. */
  readonly readMs: number;
  /** The status of every file. */
  readonly walkMs: number;
  /** Until all of the layer is gone from the disk. */
  readonly removalMs: number;
  /** The disk usage of one more container before it writes. */
  readonly containerBytes?: number | undefined;
}

/** Progress and results of a comparison of storage drivers. */
export type StorageBenchEvent =
  | { readonly kind: "load"; readonly load: StorageBenchLoad }
  | { readonly kind: "step"; readonly driver: string; readonly step: StorageBenchStep }
  | { readonly kind: "figures"; readonly figures: StorageBenchFigures }
  /** This driver can't be used on the data root's file system. */
  | { readonly kind: "unsupported"; readonly driver: string; readonly reason: string };
