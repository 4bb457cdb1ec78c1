import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import type { PackOptions } from "../linux/tree/pack-options.ts";
import type { TreeChange } from "../linux/tree/change.ts";
import type { TreeSize } from "../linux/tree/size.ts";
import type { UnpackOptions, UnpackResult } from "../linux/tree/unpack-options.ts";
import type { MountHelper } from "../linux/mount/mount-helper.ts";
import type { Digest } from "../spec/digest.ts";
import type { IdMaps } from "../spec/id-map.ts";

/** Chosen by the caller, unique in one store: letters, digits, `_ . -`, at most 128, not beginning with a dot. */
export type SnapshotId = string;

/** The dependencies that a driver may need. */
export interface DriverOptions {
  /** For mounts that this kernel does not compose of detached ones. */
  readonly mountHelper?: MountHelper | undefined;
  /** The driver's own, as `--storage-opt` has them: `name=value`. */
  readonly storageOptions?: readonly string[] | undefined;
  /**
   * Creates directories in `parent`, an empty directory, before snapshots need them; `furnish` creates the content of
   * one, and may fail. The driver disposes of the result. Absent: each directory is created when it is needed.
   */
  readonly openDirectories?:
    | ((parent: string, furnish: (path: string) => void) => PrewarmedDirectories)
    | undefined;
}

/** Directories that are created before they are needed. */
export interface PrewarmedDirectories extends AsyncDisposable {
  /** Moves one to a path where nothing is; false when none is ready. */
  take(path: string): boolean;
}

/**
 * Keeps unpacked layers and the file systems of containers below one directory of its own.
 *
 * A **layer** is what one tar changes, in a directory of its own under its diffID, so layers may arrive in any order
 * and at once. A **snapshot** is a writable file system on top of an ordered list of layers. Nothing is ever
 * put on the host's mount table: mounts are detached and live as long as a descriptor, or a place in some
 * mount namespace, refers to them.
 *
 * All methods may run at the same time, for different layers and snapshots; for one and the same, the caller takes
 * turns. Whatever was committed or created is there whole or not at all, also after a crash. Layers survive
 * power loss, snapshots need not.
 */
export interface StorageDriver extends AsyncDisposable {
  /** As `--storage-driver` names it. */
  readonly name: string;
  /** The driver's details in `info`: Docker's DriverStatus. */
  readonly status: readonly (readonly [name: string, value: string])[];
  /** Its drawback here, for display. */
  readonly warning?: string | undefined;

  /** Where a layer is made. The caller disposes of the draft. */
  beginLayer(): Promise<LayerDraft>;
  hasLayer(diffId: Digest): boolean;
  listLayers(): readonly Digest[];
  /**
   * Idempotent. Throws "conflict" when a snapshot stands on it. Space is given back in the background, see settle().
   */
  removeLayer(diffId: Digest): Promise<void>;

  /**
   * Makes a snapshot on layers, the lowest first. Atomic. Throws "conflict" when the id is taken, "not-found" naming
   * a layer that is missing, "unsupported" for more layers than can be mounted, and for a limit of size where there
   * can be none, with what is missing.
   */
  createSnapshot(id: SnapshotId, layers: readonly Digest[], options?: SnapshotOptions): Promise<void>;
  listSnapshots(): Promise<readonly SnapshotId[]>;
  /**
   * The file system as a detached mount. For writing there is one at a time: a second one is refused with "conflict"
   * while the first one's lock is held, in whichever process. With `readonly` any number, but none while one writes.
   * The caller disposes of the result, or moves its two descriptors to where they are needed.
   * A snapshot that was created with ids is mounted with a user namespace that has them: its files then have the
   * host's ids of the container's users.
   */
  mountSnapshot(
    id: SnapshotId,
    options?: { readonly readonly?: boolean | undefined; readonly usernsFd?: Fd | undefined },
  ): Promise<MountedSnapshot>;
  /**
   * Idempotent. The id is free at once; space is given back in the background, see settle().
   * Throws "conflict" while it is mounted.
   */
  removeSnapshot(id: SnapshotId): Promise<void>;
  /**
   * The changes on top of the layers, as an image layer's tar; to be read to its end, or left by return(). The caller
   * prevents concurrent writes.
   */
  packChanges(id: SnapshotId, options?: ChangesOptions): AsyncIterable<Uint8Array>;
  /**
   * The changes on top of the layers, sorted by name; also while it is mounted. New and empty files and directories of
   * `ignored` (relative paths) are left out. `usernsFd` as for mountSnapshot().
   */
  listChanges(
    id: SnapshotId,
    options?: {
      readonly ignored?: ReadonlySet<string> | undefined;
      readonly usernsFd?: Fd | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<readonly TreeChange[]>;

  /**
   * The layers as a read-only detached mount, the lowest first; none at all gives an empty directory. The caller
   * disposes of it. `usernsFd` as for mountSnapshot().
   */
  viewLayers(layers: readonly Digest[], options?: { readonly usernsFd?: Fd | undefined }): Promise<OwnedFd>;

  /** The disk usage of only this layer, or of this snapshot above its layers. Throws "not-found". */
  usage(
    of: { readonly layer: Digest } | { readonly snapshot: SnapshotId },
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<StorageUsage>;
  /** The details for `inspect`: Docker's GraphDriver data. Throws "not-found". */
  describe(
    of: { readonly layers: readonly Digest[] } | { readonly snapshot: SnapshotId },
  ): Promise<Readonly<Record<string, string>>>;
  /**
   * Reads all that a layer is on the disk. Throws "corrupt" where that is not what it was made of. Absent with a driver
   * that has nothing but the layer's files.
   */
  verifyLayer?(diffId: Digest, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Compares what is on disk with itself; empty when all is well. */
  health(): Promise<readonly StorageFinding[]>;
  /** Waits until everything removed is gone from the disk. */
  settle(): Promise<void>;
  /**
   * As settle(), and also waits until the disk space is free: some file systems free it later. Waits for at most half a
   * minute.
   */
  awaitSpace(): Promise<void>;
}

/** Which file names and mounts are packed how is the driver's own. */
export type ChangesOptions = Omit<PackOptions, "whiteouts" | "mounts">;

export interface SnapshotOptions {
  /** Of the container's user namespace. */
  readonly idMaps?: IdMaps | undefined;
  /** The maximum size of changes on top of the layers: beyond it the kernel returns EDQUOT. */
  readonly sizeBytes?: number | undefined;
}

/** A layer being made. Nothing of it is seen before commit(); disposing of it without that deletes it. */
export interface LayerDraft extends AsyncDisposable {
  /**
   * The directory that apply() unpacks into, readable, owned by the draft: a caller that unpacks itself may write there
   * instead. Absent for a driver that stores layers in another form: there apply() is the only way.
   */
  readonly root?: Fd | undefined;
  /** With `root`: in whose form deletions are written there (unpackLayer()'s `whiteouts`). */
  readonly marks?: LayerMarks | undefined;
  /**
   * Takes the layer's tar (uncompressed), once for each draft, and reads it to its end. Not atomic: after a failure the
   * draft is good for nothing but disposal. Whichever form the driver keeps layers in, what unpackLayer() refuses is
   * refused, with its failures. The caller proves the content (a stream that is not what it should be throws at its
   * end), then calls commit().
   */
  apply(tar: AsyncIterable<Uint8Array>, options?: ApplyOptions): Promise<UnpackResult>;
  /** Gives it its identity, after all of it is on the disk. Atomic; fine when the same layer has come meanwhile. */
  commit(diffId: Digest): Promise<void>;
}

/** The file system in whose form a layer in a directory hides what is below it. */
export type LayerMarks = "overlay" | "aufs";

/** Which names in a tar are taken, and how much of it. */
export type ApplyOptions = Pick<UnpackOptions, "names" | "limits" | "signal">;

/** Disposing closes what was not moved away. */
export interface MountedSnapshot extends Disposable {
  /** The detached mount's root. */
  readonly mount: OwnedFd;
  /** To be held, by any process, for as long as the mount is used: closing the last copy allows the next mount. */
  readonly lock: OwnedFd;
}

/** Of a snapshot `contentBytes` is what was made or changed above its layers. */
export type StorageUsage = TreeSize;

export interface StorageFinding {
  readonly subject: string;
  readonly problem: string;
  readonly advice: string;
}
