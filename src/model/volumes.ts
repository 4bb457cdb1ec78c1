import type { ContainerId } from "./ids.ts";
import type { WallMs } from "./time.ts";

/** A volume to create. */
export interface VolumeSpec {
  /** Absent: an anonymous volume, with 64 hex digits as its name. */
  readonly name?: string | undefined;
  /** Only "local". */
  readonly driver?: string | undefined;
  /** The mount, as for mount(8): `type`, `device` and `o`; none: a directory of the engine. */
  readonly options?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** A volume and its directory on the host. */
export interface VolumeDetails {
  readonly name: string;
  readonly driver: "local";
  /** Where its content is on the host; with options nothing shows there, as it is mounted for containers only. */
  readonly mountpoint: string;
  readonly createdAt: WallMs;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/** Size of a volume and its users. */
export interface VolumeUsage {
  /** Length of the files and links in it, one with several names once; as Docker shows it. */
  readonly bytes: number;
  /** All that have it, running or not. */
  readonly containers: readonly ContainerId[];
}

/** Content that outlives containers and can belong to several. Failures: not-found, conflict, invalid, unsupported. */
export interface Volumes {
  /**
   * Idempotent for a name that is there: returns that volume; "conflict" when options are asked for that it has not.
   */
  create(spec?: VolumeSpec): Promise<VolumeDetails>;
  /** By name. Docker's filters: name, driver, label, dangling. */
  list(options?: {
    readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  }): Promise<readonly VolumeDetails[]>;
  /** Describes one volume. Throws "not-found" with details.volume. */
  inspect(name: string): Promise<VolumeDetails>;
  /** "conflict" with details.users while a container has it. With force an absent one is fine. */
  remove(name: string, options?: { readonly force?: boolean | undefined }): Promise<void>;
  /** Removes those that no container has: the anonymous ones, with `all` every one. Filters: label, label!. */
  prune(options?: {
    readonly all?: boolean | undefined;
    readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  }): Promise<{ readonly removed: readonly string[]; readonly freedBytes: number }>;
  /** Measures one volume. Throws "not-found" with details.volume, "canceled". */
  usage(name: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<VolumeUsage>;
}
