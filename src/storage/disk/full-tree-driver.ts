import { writeFileSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
} from "../../linux/constants/mount.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import { type Fd, OwnedFd } from "../../linux/fd.ts";
import { cloneTree, setMountAttributes } from "../../linux/mount.ts";
import { openBeneath, openDirectoryPath } from "../../linux/open.ts";
import { type FileTime, findStatAt } from "../../linux/stat.ts";
import type { TreeChange } from "../../linux/tree-change.ts";
import { listTreeChanges, measureChanges, measureTree, packTreeChanges } from "../../linux/tree.ts";
import type { Digest } from "../../spec/digest.ts";
import type {
  ChangesOptions,
  LayerDraft,
  MountedSnapshot,
  SnapshotId,
  SnapshotOptions,
  StorageDriver,
  StorageFinding,
  StorageUsage,
} from "../driver.ts";
import type { LayerDirectory } from "./layer-directory.ts";
import { findMissingLayers } from "./missing-layers.ts";
import { mountedSnapshot } from "./mounted-snapshot.ts";
import type { Places } from "./places.ts";
import type { SnapshotDirectory } from "./snapshot-directory.ts";
import type { Trash } from "./trash.ts";
import type { Views } from "./views.ts";

/** In what drivers differ whose snapshots have all files of their layers. */
export interface FullTrees {
  readonly name: string;
  readonly status: StorageDriver["status"];
  readonly layers: LayerDirectory;
  readonly snapshots: SnapshotDirectory;
  readonly views: Views;
  /** Makes the directory `path`, which has all that the layers show, and keeps to the limit. */
  makeTree(
    path: string,
    layers: readonly Digest[],
    options: Pick<SnapshotOptions, "sizeBytes">,
  ): Promise<void>;
  /** Whether what a snapshot takes is only what it has changed. */
  readonly sharesBlocks: boolean;
  describe(
    of: { readonly layers: readonly Digest[] } | { readonly snapshot: SnapshotId },
  ): Promise<Readonly<Record<string, string>>>;
}

/** Each snapshot is a whole tree, in a directory of its own: a mount is a clone of the mount that it lies on. */
export class FullTreeDriver implements StorageDriver {
  readonly name: string;
  readonly status: StorageDriver["status"];
  readonly #places: Places;
  readonly #trash: Trash;
  readonly #layers: LayerDirectory;
  readonly #snapshots: SnapshotDirectory;
  readonly #views: Views;
  readonly #trees: FullTrees;
  /** Layers of the snapshots that are being made, which nothing on the disk names yet. */
  readonly #inUse = new Map<SnapshotId, readonly Digest[]>();

  constructor(places: Places, trash: Trash, trees: FullTrees) {
    this.#places = places;
    this.#trash = trash;
    this.#trees = trees;
    this.name = trees.name;
    this.status = trees.status;
    this.#layers = trees.layers;
    this.#snapshots = trees.snapshots;
    this.#views = trees.views;
  }

  async beginLayer(): Promise<LayerDraft> {
    return this.#layers.begin();
  }

  hasLayer(diffId: Digest): boolean {
    return this.#layers.has(diffId);
  }

  listLayers(): readonly Digest[] {
    return this.#layers.list();
  }

  async removeLayer(diffId: Digest): Promise<void> {
    // From here to the end nothing waits, so no snapshot can come between.
    const making = [...this.#inUse].find(([, layers]) => layers.includes(diffId))?.[0];
    const user =
      making ?? this.#snapshots.list().find((id) => this.#snapshots.findLayersOf(id)?.includes(diffId));
    if (user !== undefined) {
      throw new Failure("conflict", `cannot remove layer ${diffId}: snapshot "${user}" stands on it`);
    }
    this.#views.remove(diffId);
    this.#layers.remove(diffId);
  }

  async createSnapshot(
    id: SnapshotId,
    layers: readonly Digest[],
    { sizeBytes }: SnapshotOptions = {},
  ): Promise<void> {
    for (const diffId of layers) this.#layers.get(diffId);
    using draft = this.#snapshots.begin(id, layers);
    this.#inUse.set(id, layers);
    try {
      await draft.fillSlowly(async () => {
        await this.#trees.makeTree(`${draft.path}/fs`, layers, sizeBytes === undefined ? {} : { sizeBytes });
        fault("snapshot.copied");
        writeFileSync(`${draft.path}/made`, "", { mode: 0o600 });
      });
      draft.commit();
    } finally {
      this.#inUse.delete(id);
    }
  }

  async listSnapshots(): Promise<readonly SnapshotId[]> {
    return this.#snapshots.list();
  }

  async mountSnapshot(
    id: SnapshotId,
    { readonly = false, usernsFd }: { readonly readonly?: boolean; readonly usernsFd?: Fd } = {},
  ): Promise<MountedSnapshot> {
    using undo = new DisposableStack();
    const lock = undo.use(this.#snapshots.lock(id, readonly ? "shared" : "exclusive"));
    using tree = this.#openTree(id);
    const mount = mountTree(tree, { readonly, ...(usernsFd === undefined ? {} : { usernsFd }) });
    undo.move();
    return mountedSnapshot(mount, lock);
  }

  async removeSnapshot(id: SnapshotId): Promise<void> {
    this.#snapshots.remove(id, { limited: "fs" });
  }

  async *packChanges(id: SnapshotId, options: ChangesOptions = {}): AsyncGenerator<Uint8Array, void> {
    const unshifted: ChangesOptions = Object.fromEntries(
      Object.entries(options).filter(([name]) => name !== "idMaps"),
    );
    using tree = this.#openTree(id);
    const since = this.#madeAt(id);
    using original = openDirectoryPath(await this.#views.ensure(this.#snapshots.layersOf(id)));
    yield* packTreeChanges({ tree: tree.fd, original: original.fd, since }, unshifted);
  }

  async listChanges(
    id: SnapshotId,
    options: Parameters<StorageDriver["listChanges"]>[1] = {},
  ): Promise<readonly TreeChange[]> {
    using tree = this.#openTree(id);
    using original = openDirectoryPath(await this.#views.ensure(this.#snapshots.layersOf(id)));
    return await listTreeChanges({ tree: tree.fd, original: original.fd }, options);
  }

  async viewLayers(
    layers: readonly Digest[],
    { usernsFd }: { readonly usernsFd?: Fd } = {},
  ): Promise<OwnedFd> {
    using tree = openDirectoryPath(await this.#views.ensure(layers));
    return mountTree(tree, { readonly: true, ...(usernsFd === undefined ? {} : { usernsFd }) });
  }

  async usage(
    of: { readonly layer: Digest } | { readonly snapshot: SnapshotId },
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<StorageUsage> {
    if ("snapshot" in of) {
      using tree = this.#openTree(of.snapshot);
      const changes = await this.listChanges(of.snapshot, options);
      const changed = await measureChanges(tree.fd, changes, options);
      if (this.#trees.sharesBlocks) return changed;
      return { ...(await measureTree(tree.fd, options)), contentBytes: changed.contentBytes };
    }
    this.#layers.get(of.layer);
    using tree = openDirectoryPath(`${this.#places.layer(of.layer)}/fs`);
    return await measureTree(tree.fd, options);
  }

  async describe(
    of: { readonly layers: readonly Digest[] } | { readonly snapshot: SnapshotId },
  ): Promise<Readonly<Record<string, string>>> {
    if ("snapshot" in of) this.#snapshots.open(of.snapshot)[Symbol.dispose]();
    return await this.#trees.describe(of);
  }

  async health(): Promise<readonly StorageFinding[]> {
    return [...this.#trash.findings(), ...findMissingLayers(this.#snapshots, this.#layers)];
  }

  async settle(): Promise<void> {
    await this.#trash.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trash.settle();
  }

  #openTree(id: SnapshotId): OwnedFd {
    using directory = this.#snapshots.open(id);
    return openBeneath(directory.fd, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  /** When the copy was whole. */
  #madeAt(id: SnapshotId): FileTime {
    using directory = this.#snapshots.open(id);
    return findStatAt(directory.fd, "made")?.changed ?? { seconds: 0, nanoseconds: 0 };
  }
}

/** SAFETY: the host's mount of the data root may be nosuid, nodev or noexec, which a container's root must not be. */
function mountTree(
  tree: OwnedFd,
  { readonly, usernsFd }: { readonly readonly: boolean; readonly usernsFd?: Fd },
): OwnedFd {
  using mount = cloneTree(tree.fd);
  setMountAttributes(mount.fd, {
    set: readonly ? MOUNT_ATTR_RDONLY : 0,
    clear: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
    // On the disk files keep the container's ids, so nothing is shifted back when changes are read there.
    ...(usernsFd === undefined ? {} : { usernsFd }),
  });
  return new OwnedFd(mount.move());
}
