import { writeFileSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { type FileTime, findStatAt } from "../../linux/files/stat.ts";
import type { TreeChange } from "../../linux/tree/change.ts";
import { listTreeChanges, measureChanges, measureTree, packTreeChanges } from "../../linux/tree/tree.ts";
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
import type { DriverPaths } from "./driver-paths.ts";
import type { SnapshotDirectory } from "./snapshot-directory.ts";
import type { SnapshotChanges } from "../../linux/tree/snapshot-changes.ts";
import type { Trash } from "./trash.ts";
import { directoryAccess, type OpenTree, type TreeAccess } from "./tree-access.ts";
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
  /** Absent: the directory itself is the tree. */
  readonly access?: TreeAccess | undefined;
  /** The changes in a snapshot of a view that the file system itself reports; undefined if it does not. */
  findChanges?(
    trees: { readonly tree: Fd; readonly original: Fd },
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<SnapshotChanges | undefined>;
  /** Whether what a snapshot takes is only what it has changed. */
  readonly sharesBlocks: boolean;
  describe(
    of: { readonly layers: readonly Digest[] } | { readonly snapshot: SnapshotId },
  ): Promise<Readonly<Record<string, string>>>;
  /** Faults outside of layers and the trash. */
  readonly findings?: (() => readonly StorageFinding[]) | undefined;
  /** Waits until the disk space of removed data is free; absent: it is free at once. */
  readonly awaitSpace?: (() => Promise<void>) | undefined;
  /** Lets go of what the driver has open; twice is fine. */
  readonly close?: (() => Promise<void>) | undefined;
}

/** Each snapshot is a whole tree, in a directory of its own or in what that directory stands for. */
export class FullTreeDriver implements StorageDriver {
  readonly name: string;
  readonly #paths: DriverPaths;
  readonly #trash: Trash;
  readonly #layers: LayerDirectory;
  readonly #snapshots: SnapshotDirectory;
  readonly #views: Views;
  readonly #trees: FullTrees;
  readonly #access: TreeAccess;
  /** Layers of the snapshots that are being made, which nothing on the disk names yet. */
  readonly #inUse = new Map<SnapshotId, readonly Digest[]>();

  constructor(paths: DriverPaths, trash: Trash, trees: FullTrees) {
    this.#paths = paths;
    this.#trash = trash;
    this.#trees = trees;
    this.name = trees.name;
    this.#access = trees.access ?? directoryAccess;
    this.#layers = trees.layers;
    this.#snapshots = trees.snapshots;
    this.#views = trees.views;
  }

  get status(): StorageDriver["status"] {
    return this.#trees.status;
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
    {
      readonly = false,
      usernsFd,
    }: { readonly readonly?: boolean | undefined; readonly usernsFd?: Fd | undefined } = {},
  ): Promise<MountedSnapshot> {
    using undo = new DisposableStack();
    const lock = undo.use(this.#snapshots.lock(id, readonly ? "shared" : "exclusive"));
    const mount = await this.#access.mount(this.#pathOf(id), {
      kind: "snapshot",
      readonly,
      usernsFd,
    });
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
    using tree = await this.#openTree(id);
    const since = this.#madeAt(id);
    using original = await this.#openView(this.#snapshots.layersOf(id));
    const trees = { tree: tree.fd, original: original.fd };
    const known = await this.#trees.findChanges?.(trees, unshifted);
    yield* packTreeChanges({ ...trees, since, known }, unshifted);
  }

  async listChanges(
    id: SnapshotId,
    options: Parameters<StorageDriver["listChanges"]>[1] = {},
  ): Promise<readonly TreeChange[]> {
    using tree = await this.#openTree(id);
    using original = await this.#openView(this.#snapshots.layersOf(id));
    const trees = { tree: tree.fd, original: original.fd };
    const known = await this.#trees.findChanges?.(trees, options);
    return await listTreeChanges(trees, { ...options, known });
  }

  async viewLayers(
    layers: readonly Digest[],
    { usernsFd }: { readonly usernsFd?: Fd | undefined } = {},
  ): Promise<OwnedFd> {
    return await this.#access.mount(await this.#views.ensure(layers), {
      kind: "view",
      readonly: true,
      usernsFd,
    });
  }

  async usage(
    of: { readonly layer: Digest } | { readonly snapshot: SnapshotId },
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StorageUsage> {
    if ("snapshot" in of) {
      using tree = await this.#openTree(of.snapshot);
      const changes = await this.listChanges(of.snapshot, options);
      const changed = await measureChanges(tree.fd, changes, options);
      if (this.#trees.sharesBlocks) return changed;
      return { ...(await measureTree(tree.fd, options)), contentBytes: changed.contentBytes };
    }
    this.#layers.get(of.layer);
    using tree = openDirectoryPath(`${this.#paths.layer(of.layer)}/fs`);
    return await measureTree(tree.fd, options);
  }

  async describe(
    of: { readonly layers: readonly Digest[] } | { readonly snapshot: SnapshotId },
  ): Promise<Readonly<Record<string, string>>> {
    if ("snapshot" in of) this.#snapshots.open(of.snapshot)[Symbol.dispose]();
    return await this.#trees.describe(of);
  }

  async health(): Promise<readonly StorageFinding[]> {
    const { findings = () => [] } = this.#trees;
    return [...this.#trash.findings(), ...findMissingLayers(this.#snapshots, this.#layers), ...findings()];
  }

  async settle(): Promise<void> {
    await this.#trash.settle();
  }

  async awaitSpace(): Promise<void> {
    await this.#trash.settle();
    await this.#trees.awaitSpace?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trash.settle();
    await this.#snapshots[Symbol.asyncDispose]();
    await this.#trees.close?.();
  }

  async #openTree(id: SnapshotId): Promise<OpenTree> {
    return await this.#access.open(this.#pathOf(id), "snapshot");
  }

  async #openView(layers: readonly Digest[]): Promise<OpenTree> {
    return await this.#access.open(await this.#views.ensure(layers), "view");
  }

  /** Throws "not-found". */
  #pathOf(id: SnapshotId): string {
    this.#snapshots.open(id)[Symbol.dispose]();
    return `${this.#paths.snapshot(id)}/fs`;
  }

  /** When the copy was whole. */
  #madeAt(id: SnapshotId): FileTime {
    using directory = this.#snapshots.open(id);
    return findStatAt(directory.fd, "made")?.changed ?? { seconds: 0, nanoseconds: 0 };
  }
}
