import { mkdirSync } from "node:fs";
import { Failure, kindOf } from "../../base/failure.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../../linux/fd.ts";
import { filesystemName } from "../../linux/filesystem-status.ts";
import type { MountPlace } from "../../linux/workshop.ts";
import { openBeneath, openDirectoryPath } from "../../linux/open.ts";
import type { TreeChange } from "../../linux/tree-change.ts";
import { listOverlayChanges, measureTree, packTree } from "../../linux/tree.ts";
import type { Digest } from "../../spec/digest.ts";
import type {
  DriverOptions,
  ChangesOptions,
  LayerDraft,
  MountedSnapshot,
  SnapshotId,
  SnapshotOptions,
  StorageDriver,
  StorageFinding,
  StorageUsage,
} from "../driver.ts";
import { LayerDirectory, makeRoot } from "../disk/layer-directory.ts";
import { type OverlayLayers, UnpackedLayers } from "./overlay-layers.ts";
import { findLowerForm, type LowerForm, maxLowers, mountOverlay, type OverlayWays } from "./overlay-mount.ts";
import { findMissingLayers } from "../disk/missing-layers.ts";
import { Places } from "../disk/places.ts";
import { SnapshotDirectory } from "../disk/snapshot-directory.ts";
import { describeSizeLimits, limitSize } from "../disk/size-limit.ts";
import { openPlaces, type Trash } from "../disk/trash.ts";

/** See openStorage(). */
export async function openOverlayDriver(root: string, options: DriverOptions = {}): Promise<StorageDriver> {
  const places = new Places(root);
  const trash = openPlaces(places);
  const ways = await findOverlayWays(places, options);
  return new OverlayDriver(places, trash, {
    name: "overlay",
    layers: new UnpackedLayers(places, new LayerDirectory(places, trash)),
    ways,
  });
}

/** Throws "unsupported" where overlay can't be used. */
export async function findOverlayWays(places: Places, { workshop }: DriverOptions): Promise<OverlayWays> {
  return { form: await probe(places), workshop };
}

/** Mounts once what all later mounts look like. */
async function probe({ probe: directory, empty }: Places): Promise<LowerForm> {
  for (const name of ["lower", "upper", "work"])
    mkdirSync(`${directory}/${name}`, { recursive: true, mode: 0o700 });
  using opened = openDirectoryPath(directory);
  const at = (path: string): MountPlace => ({ fd: opened.fd, path });
  const lowers = [at("lower")];
  try {
    return await findLowerForm({ lowers, writable: { upper: at("upper"), work: at("work") }, empty });
  } catch (thrown) {
    // KERNEL: a mount for writing makes a directory in "work". Without room for it, removing must go on.
    if (kindOf(thrown) !== "exhausted") throw thrown;
    return await findLowerForm({ lowers, empty });
  }
}

export interface OverlayForm {
  readonly name: string;
  readonly layers: OverlayLayers;
  readonly ways: OverlayWays;
  /** More of `status`. */
  readonly status?: StorageDriver["status"];
}

/** Layers below, and for each container a directory above them that has what it has changed. */
export class OverlayDriver implements StorageDriver {
  readonly name: string;
  readonly status: StorageDriver["status"];
  readonly #places: Places;
  readonly #trash: Trash;
  readonly #layers: OverlayLayers;
  readonly #snapshots: SnapshotDirectory;
  readonly #ways: OverlayWays;

  constructor(places: Places, trash: Trash, { name, layers, ways, status = [] }: OverlayForm) {
    this.name = name;
    this.#places = places;
    this.#trash = trash;
    this.#ways = ways;
    this.#layers = layers;
    this.#snapshots = new SnapshotDirectory(places, trash);
    using directory = openDirectoryPath(places.layers);
    this.status = [
      ["Backing Filesystem", filesystemName(directory.fd)],
      ["Supports d_type", "true"],
      ["Using metacopy", "false"],
      ["Native Overlay Diff", "true"],
      ["userxattr", "false"],
      ...status,
      ["Size limits", describeSizeLimits(directory.fd)],
    ];
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
    if (layers.length > maxLowers) {
      throw new Failure(
        "unsupported",
        `cannot create snapshot "${id}": it has ${layers.length} layers, overlay takes at most ${maxLowers}`,
      );
    }
    const rootFrom = this.#layers.rootOf(layers);
    using draft = this.#snapshots.begin(id, layers);
    draft.fill(() => {
      mkdirSync(`${draft.path}/work`, 0o700);
      makeRoot(`${draft.path}/upper`, rootFrom, idMaps);
      if (sizeBytes === undefined) return;
      // What is copied up is made in "work" and renamed into "upper": between projects that is EXDEV.
      using upper = openDirectoryPath(`${draft.path}/upper`);
      using work = openDirectoryPath(`${draft.path}/work`);
      limitSize([upper.fd, work.fd], sizeBytes);
    });
    draft.commit();
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
    using opened = new DisposableStack();
    const lowers = await this.#layers.lowersOf(this.#snapshots.layersOf(id), { opened, usernsFd });
    using directory = this.#snapshots.open(id);
    const upper = { fd: directory.fd, path: "upper" };
    const mount = await mountOverlay(
      readonly
        ? { lowers: [upper, ...lowers], empty: this.#places.empty }
        : {
            lowers,
            writable: { upper, work: { fd: directory.fd, path: "work" } },
            empty: this.#places.empty,
          },
      this.#ways,
    );
    undo.move();
    return {
      mount,
      lock,
      [Symbol.dispose]: () => {
        mount[Symbol.dispose]();
        lock[Symbol.dispose]();
      },
    };
  }

  async removeSnapshot(id: SnapshotId): Promise<void> {
    this.#snapshots.remove(id, { limited: "upper" });
  }

  async *packChanges(id: SnapshotId, options: ChangesOptions = {}): AsyncGenerator<Uint8Array, void> {
    using upper = this.#openUpper(id);
    yield* packTree(upper.fd, { ...options, whiteouts: "overlay" });
  }

  async listChanges(
    id: SnapshotId,
    {
      usernsFd,
      ...options
    }: {
      readonly ignored?: ReadonlySet<string>;
      readonly usernsFd?: Fd;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<readonly TreeChange[]> {
    using upper = this.#openUpper(id);
    using opened = new DisposableStack();
    const lowers = await this.#layers.lowersOf(this.#snapshots.layersOf(id), { opened, usernsFd });
    using lower = await mountOverlay({ lowers, empty: this.#places.empty }, this.#ways);
    return await listOverlayChanges({ upper: upper.fd, lower: lower.fd }, options);
  }

  async viewLayers(
    layers: readonly Digest[],
    { usernsFd }: { readonly usernsFd?: Fd } = {},
  ): Promise<OwnedFd> {
    using opened = new DisposableStack();
    const lowers = await this.#layers.lowersOf(layers, { opened, usernsFd });
    return await mountOverlay({ lowers, empty: this.#places.empty }, this.#ways);
  }

  async usage(
    of: { readonly layer: Digest } | { readonly snapshot: SnapshotId },
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<StorageUsage> {
    if ("snapshot" in of) {
      using upper = this.#openUpper(of.snapshot);
      return await measureTree(upper.fd, options);
    }
    return await this.#layers.usage(of.layer, options);
  }

  async describe(
    of: { readonly layers: readonly Digest[] } | { readonly snapshot: SnapshotId },
  ): Promise<Readonly<Record<string, string>>> {
    const layers = "snapshot" in of ? this.#snapshots.layersOf(of.snapshot) : of.layers;
    const lowers = layers.toReversed().map((diffId) => this.#layers.pathOf(diffId));
    if (!("snapshot" in of)) {
      const [upper, ...rest] = lowers;
      return {
        ...(rest.length > 0 ? { LowerDir: rest.join(":") } : {}),
        ...(upper === undefined ? {} : { UpperDir: upper }),
      };
    }
    const snapshot = this.#places.snapshot(of.snapshot);
    return { LowerDir: lowers.join(":"), UpperDir: `${snapshot}/upper`, WorkDir: `${snapshot}/work` };
  }

  async health(): Promise<readonly StorageFinding[]> {
    return [...this.#trash.findings(), ...findMissingLayers(this.#snapshots, this.#layers)];
  }

  async settle(): Promise<void> {
    await this.#trash.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trash.settle();
    this.#layers.dispose();
  }

  #openUpper(id: SnapshotId): OwnedFd {
    using directory = this.#snapshots.open(id);
    return openBeneath(directory.fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
}
