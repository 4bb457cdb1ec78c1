import { defined } from "../../base/defined.ts";
import { mkdirSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { filesystemName } from "../../linux/mount/filesystem-status.ts";
import { openBeneath, openDirectoryPath } from "../../linux/files/open.ts";
import type { TreeChange } from "../../linux/tree/change.ts";
import { listUpperChanges, measureTree, packTree } from "../../linux/tree/tree.ts";
import type { MountSource } from "../../linux/mount/mount-helper.ts";
import type { Digest } from "../../spec/digest.ts";
import type {
  ChangesOptions,
  DriverOptions,
  LayerDraft,
  LayerMarks,
  MountedSnapshot,
  SnapshotId,
  SnapshotOptions,
  StorageDriver,
  StorageFinding,
  StorageUsage,
} from "../driver.ts";
import { lookLike } from "./layer-directory.ts";
import { findMissingLayers } from "./missing-layers.ts";
import { mountedSnapshot } from "./mounted-snapshot.ts";
import type { DriverPaths } from "./driver-paths.ts";
import { describeSizeLimits, limitSize, withSpaceToMount } from "./size-limit.ts";
import { SnapshotDirectory } from "./snapshot-directory.ts";
import type { Trash } from "./trash.ts";
import type { UnionLayers } from "./union-layers.ts";

/** A mount of several directories as one. `lowers` are from the topmost to the lowest. */
export interface UnionMount {
  readonly lowers: readonly MountSource[];
  /** Names in a snapshot's directory `fd`. Absent: read-only. */
  readonly writable?: { readonly fd: Fd; readonly upper: string; readonly work: string } | undefined;
  /** Only with a file system that `shifts` "mounts". */
  readonly usernsFd?: Fd | undefined;
}

/** In what file systems differ that show several directories as one. */
export interface Union {
  readonly name: string;
  /** More of it. */
  readonly status: StorageDriver["status"];
  readonly warning?: string | undefined;
  readonly layers: UnionLayers;
  /** The file system whose marks delete entries of the layers below a directory. */
  readonly marks: LayerMarks;
  readonly maxLayers: number;
  readonly openDirectories?: DriverOptions["openDirectories"] | undefined;
  /** Whether the driver needs a second directory, `work`, next to the upper one. */
  readonly hasWork: boolean;
  /** Detached. The caller disposes of it. */
  mount(order: UnionMount): Promise<OwnedFd>;
  /**
   * The mounts that are mapped to the ids of a container's user namespace. "lowers" (default): each layer, and the
   * upper directory has the host's ids; "mount": the whole mount, and on the disk all files have the container's ids.
   */
  readonly shifts?: "lowers" | "mount" | undefined;
  /** Entries of an upper directory that belong to the file system itself and count as no change. */
  readonly isOwn?: ((name: string) => boolean) | undefined;
  readonly describe?: StorageDriver["describe"] | undefined;
  /** With the driver. */
  readonly dispose?: (() => void) | undefined;
}

/** Layers below, and for each container a directory above them that has what it has changed. */
export class UnionDriver implements StorageDriver {
  readonly name: string;
  readonly status: StorageDriver["status"];
  readonly warning?: string | undefined;
  readonly #paths: DriverPaths;
  readonly #trash: Trash;
  readonly #union: Union;
  readonly #layers: UnionLayers;
  readonly #snapshots: SnapshotDirectory;

  constructor(paths: DriverPaths, trash: Trash, union: Union) {
    this.name = union.name;
    if (union.warning !== undefined) this.warning = union.warning;
    this.#paths = paths;
    this.#trash = trash;
    this.#union = union;
    this.#layers = union.layers;
    this.#snapshots = new SnapshotDirectory(paths, trash, {
      furnish: (path) => {
        if (union.hasWork) mkdirSync(`${path}/work`, 0o700);
        mkdirSync(`${path}/upper`, 0o700);
      },
      openDirectories: union.openDirectories,
    });
    using directory = openDirectoryPath(paths.layers);
    this.status = [
      ["Backing Filesystem", filesystemName(directory.fd)],
      ...union.status,
      ["Size limits", describeSizeLimits(directory.fd)],
    ];
  }

  async beginLayer(): Promise<LayerDraft> {
    return await this.#layers.begin();
  }

  hasLayer(diffId: Digest): boolean {
    return this.#layers.has(diffId);
  }

  listLayers(): readonly Digest[] {
    return this.#layers.list();
  }

  async removeLayer(diffId: Digest): Promise<void> {
    // From here to the end nothing waits, so no snapshot can come between.
    const user = this.#snapshots.list().find((id) => this.#snapshots.findLayersOf(id)?.includes(diffId));
    if (user !== undefined) {
      throw new Failure("conflict", `cannot remove layer ${diffId}: snapshot "${user}" stands on it`);
    }
    this.#layers.remove(diffId);
  }

  async createSnapshot(
    id: SnapshotId,
    layers: readonly Digest[],
    { idMaps, sizeBytes }: SnapshotOptions = {},
  ): Promise<void> {
    const { marks, maxLayers, hasWork } = this.#union;
    if (layers.length > maxLayers) {
      throw new Failure(
        "unsupported",
        `cannot create snapshot "${id}": it has ${layers.length} layers, ${marks} takes at most ${maxLayers}`,
      );
    }
    const rootFrom = this.#layers.rootOf(layers);
    using draft = this.#snapshots.begin(id, layers);
    draft.fill(() => {
      lookLike(`${draft.path}/upper`, rootFrom, this.#shiftsMounts ? undefined : idMaps);
      if (sizeBytes === undefined) return;
      using opened = new DisposableStack();
      // A copied-up file is created in "work" and renamed into "upper": between projects that is EXDEV.
      const names = hasWork ? ["upper", "work"] : ["upper"];
      const limited = names.map((each) => opened.use(openDirectoryPath(`${draft.path}/${each}`)).fd);
      limitSize(limited, sizeBytes);
    });
    draft.commit();
  }

  async listSnapshots(): Promise<readonly SnapshotId[]> {
    return this.#snapshots.list();
  }

  async mountSnapshot(
    id: SnapshotId,
    {
      readonly = false,
      usernsFd,
    }: { readonly readonly?: boolean | undefined; readonly usernsFd?: Fd | undefined } = {},
  ): Promise<MountedSnapshot> {
    using undo = new DisposableStack();
    using directory = this.#snapshots.open(id);
    const { fd } = directory;
    const lock = undo.use(this.#snapshots.lockOpened(fd, id, readonly ? "shared" : "exclusive"));
    const make = async (): Promise<OwnedFd> => {
      using opened = new DisposableStack();
      const lowers = await this.#lowersOf(this.#snapshots.layersOf(id), { opened, usernsFd });
      return await this.#mount(
        readonly
          ? { lowers: [{ fd, path: "upper" }, ...lowers] }
          : { lowers, writable: { fd, upper: "upper", work: "work" } },
        usernsFd,
      );
    };
    const mount = readonly ? await make() : await this.#withSpace(fd, make);
    undo.move();
    return mountedSnapshot(mount, lock);
  }

  /**
   * KERNEL: overlay's own directory in "work" counts, too: at the limit xfs has no space for it, ext4 has. The second
   * attempt recreates everything: before Linux 6.15 the first one consumes the mounts of the layers.
   */
  async #withSpace(directory: Fd, make: () => Promise<OwnedFd>): Promise<OwnedFd> {
    const openUpper = (): OwnedFd => openBeneath(directory, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return await withSpaceToMount(openUpper, make);
  }

  async removeSnapshot(id: SnapshotId): Promise<void> {
    this.#snapshots.remove(id, { limited: "upper" });
  }

  async *packChanges(
    id: SnapshotId,
    { idMaps, ...options }: ChangesOptions = {},
  ): AsyncGenerator<Uint8Array, void> {
    using upper = this.#openUpper(id);
    const shift = idMaps === undefined || this.#shiftsMounts ? {} : { idMaps };
    yield* packTree(upper.fd, { ...options, ...shift, whiteouts: this.#union.marks });
  }

  async listChanges(
    id: SnapshotId,
    {
      usernsFd,
      ...options
    }: {
      readonly ignored?: ReadonlySet<string> | undefined;
      readonly usernsFd?: Fd | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<readonly TreeChange[]> {
    using upper = this.#openUpper(id);
    // On the disk the upper has the ids that what is below is compared in.
    const ids = this.#shiftsMounts ? undefined : usernsFd;
    using opened = new DisposableStack();
    const lowers = await this.#lowersOf(this.#snapshots.layersOf(id), { opened, usernsFd: ids });
    using lower = await this.#mount({ lowers }, ids);
    return await listUpperChanges(
      { upper: upper.fd, lower: lower.fd },
      { ...options, marks: this.#union.marks },
    );
  }

  async viewLayers(
    layers: readonly Digest[],
    { usernsFd }: { readonly usernsFd?: Fd | undefined } = {},
  ): Promise<OwnedFd> {
    using opened = new DisposableStack();
    return await this.#mount({ lowers: await this.#lowersOf(layers, { opened, usernsFd }) }, usernsFd);
  }

  async usage(
    of: { readonly layer: Digest } | { readonly snapshot: SnapshotId },
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StorageUsage> {
    if ("snapshot" in of) {
      using upper = this.#openUpper(of.snapshot);
      return await measureTree(upper.fd, { ...options, leavesOut: this.#union.isOwn });
    }
    return await this.#layers.usage(of.layer, options);
  }

  async describe(
    of: { readonly layers: readonly Digest[] } | { readonly snapshot: SnapshotId },
  ): Promise<Readonly<Record<string, string>>> {
    const layers = "snapshot" in of ? this.#snapshots.layersOf(of.snapshot) : of.layers;
    if (this.#union.describe !== undefined) return await this.#union.describe(of);
    const lowers = layers.toReversed().map((diffId) => this.#layers.pathOf(diffId));
    if (!("snapshot" in of)) {
      const [upper, ...rest] = lowers;
      return defined({
        LowerDir: rest.length > 0 ? rest.join(":") : undefined,
        UpperDir: upper,
      });
    }
    const snapshot = this.#paths.snapshot(of.snapshot);
    return { LowerDir: lowers.join(":"), UpperDir: `${snapshot}/upper`, WorkDir: `${snapshot}/work` };
  }

  async verifyLayer(
    diffId: Digest,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    await this.#layers.verify?.(diffId, options);
  }

  async health(): Promise<readonly StorageFinding[]> {
    return [...this.#trash.findings(), ...findMissingLayers(this.#snapshots, this.#layers)];
  }

  async settle(): Promise<void> {
    await this.#trash.settle();
  }

  async awaitSpace(): Promise<void> {
    await this.#trash.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trash.settle();
    await this.#snapshots[Symbol.asyncDispose]();
    this.#layers.dispose();
    this.#union.dispose?.();
  }

  get #shiftsMounts(): boolean {
    return this.#union.shifts === "mount";
  }

  async #lowersOf(
    layers: readonly Digest[],
    { opened, usernsFd }: { readonly opened: DisposableStack; readonly usernsFd: Fd | undefined },
  ): Promise<readonly MountSource[]> {
    return await this.#layers.lowersOf(layers, {
      opened,
      usernsFd: this.#shiftsMounts ? undefined : usernsFd,
    });
  }

  async #mount(order: UnionMount, usernsFd: Fd | undefined): Promise<OwnedFd> {
    const isShifted = usernsFd !== undefined && this.#shiftsMounts;
    return await this.#union.mount(isShifted ? { ...order, usernsFd } : order);
  }

  #openUpper(id: SnapshotId): OwnedFd {
    using directory = this.#snapshots.open(id);
    return openBeneath(directory.fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
}
