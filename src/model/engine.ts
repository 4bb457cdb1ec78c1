import type { Builds } from "./builds.ts";
import type { Containers } from "./containers.ts";
import type { DescriptorOffer } from "./descriptors.ts";
import type { ContainerId } from "./ids.ts";
import type { Images } from "./images.ts";
import type { Manifests } from "./manifests.ts";
import type { Networks } from "./networks.ts";
import type { Pods } from "./pods.ts";
import type { Secrets } from "./secrets.ts";
import type { StorageBenchEvent, StorageBenchOptions } from "./storage-bench.ts";
import type { WallMs } from "./time.ts";
import type { DiskUsage, StoreUsage, UsageKind } from "./usage.ts";
import type { Volumes } from "./volumes.ts";

/** As Docker's events: type, action, actor. */
export interface EngineEvent {
  readonly type: "container" | "pod" | "cri-container" | "image" | "volume" | "network" | "secret" | "daemon";
  readonly action: string;
  readonly actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> };
  readonly timeNs: bigint;
}

/** Properties of the engine and its host. Sizes are in bytes. */
export interface EngineInfo {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly storage: { readonly driver: string; readonly status: readonly (readonly [string, string])[] };
  readonly cgroups: {
    readonly version: "1" | "2" | "hybrid";
    readonly controllers: Readonly<Record<string, "v1" | "v2">>;
  };
  /** Networks can be of these drivers, in alphabetical order. */
  readonly networkDrivers: readonly string[];
  /** CDI devices: the directories of their specifications, and their names (`vendor.com/class=name`), sorted. */
  readonly cdi: { readonly directories: readonly string[]; readonly devices: readonly string[] };
  readonly warnings: readonly string[];
}

/** Namespaces of one running container or of the host. */
export interface ContainerNamespaces {
  /** Empty in the row of the host. */
  readonly id: ContainerId | "";
  readonly name: string;
  readonly pid: number;
  /** type → inode and its users (names of containers, or "host"). */
  readonly namespaces: Readonly<
    Record<string, { readonly inode: number; readonly sharedWith: readonly string[] }>
  >;
}

/** A contradiction between records, kernel and disk, with its remedy. */
export interface CheckFinding {
  readonly subject: string;
  readonly problem: string;
  readonly advice: string;
}

/** An engine: in this process (openEngine) or behind a socket (connectEngine). */
export interface Engine extends AsyncDisposable {
  readonly containers: Containers;
  readonly images: Images;
  /** Builds of images; loaded with the first one. Absent: this is a connection to an engine. */
  openBuilds?(): Promise<Builds>;
  readonly manifests: Manifests;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly secrets: Secrets;
  readonly pods: Pods;
  /**
   * Past events since `sinceMs` (with `untilMs` alone: all that are known), then those that come, until `untilMs` or
   * the signal.
   */
  events(options?: {
    readonly sinceMs?: WallMs | undefined;
    readonly untilMs?: WallMs | undefined;
    readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<EngineEvent>;
  /** Describes the engine and its host. */
  info(): Promise<EngineInfo>;
  /** The disk usage by kind; `kinds` skips the others and their cost. */
  diskUsage(options?: {
    readonly kinds?: readonly UsageKind[] | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<DiskUsage>;
  /** Namespaces of all running containers, and the host's as the first row. */
  namespaces(): Promise<readonly ContainerNamespaces[]>;
  /** The disk usage of the data root by kind, measured by a walk, exact to the byte. */
  storeUsage(options?: { readonly signal?: AbortSignal | undefined }): Promise<StoreUsage>;
  /**
   * Compares the storage drivers on the data root's file system, in a directory that is removed at the end: reports
   * "load", steps, and figures of each. Throws "conflict" while another run is in progress, "exhausted" when the disk
   * has not enough free space.
   */
  benchStorage(options?: StorageBenchOptions): AsyncIterable<StorageBenchEvent>;
  /**
   * Compares records with the kernel and the disk; with `verify` all blobs and layers with their digests, too: slow.
   */
  check(options?: {
    readonly verify?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<readonly CheckFinding[]>;
  /**
   * A socket for descriptors of another process, which has to be of the same user: one packet of the token with so many
   * of them, for the one start or exec that names the token. Numbers that they have in the program: 3 to 511.
   */
  offerDescriptors(targets: readonly number[]): Promise<DescriptorOffer>;
  /** Waits until all removal that goes on behind the answers is done. */
  settle(): Promise<void>;
}
