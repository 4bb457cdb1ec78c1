import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import type { OwnedFd } from "../../linux/fd.ts";
import { openBeneath, openDirectoryPath } from "../../linux/open.ts";
import type { TreeChange } from "../../linux/tree-change.ts";
import { listOverlayChanges } from "../../linux/tree.ts";
import { type Digest, hexOf } from "../../spec/digest.ts";
import type {
  LayerDraft,
  MountedSnapshot,
  SnapshotId,
  StorageDriver,
  StorageFinding,
  StorageUsage,
} from "../driver.ts";
import { diskUsage } from "./disk-usage.ts";
import { LayerDirectory } from "./layer-directory.ts";
import { findLowerForm, type LowerForm, maxLowers, mountOverlay } from "./overlay-mount.ts";
import { Places } from "./places.ts";
import { SnapshotDirectory } from "./snapshot-directory.ts";
import { Trash } from "./trash.ts";

/** See openStorage(). */
export async function openOverlayDriver(root: string): Promise<StorageDriver> {
  const places = new Places(root);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const place of [places.layers, places.snapshots, places.drafts, places.trash, places.empty]) {
    mkdirSync(place, { recursive: true, mode: 0o700 });
  }
  chmodSync(places.empty, 0o755);
  const trash = new Trash(places.trash);
  trash.resume();
  for (const name of readdirSync(places.drafts)) trash.discard(`${places.drafts}/${name}`);
  return new OverlayDriver(places, trash, probe(places, trash));
}

/** Mounts once what all later mounts look like. */
function probe(places: Places, trash: Trash): LowerForm {
  const directory = `${places.drafts}/probe`;
  for (const name of ["lower", "upper", "work"])
    mkdirSync(`${directory}/${name}`, { recursive: true, mode: 0o700 });
  try {
    return findLowerForm({
      lowers: [`${directory}/lower`],
      writable: { upper: `${directory}/upper`, work: `${directory}/work` },
      empty: places.empty,
    });
  } finally {
    trash.discard(directory);
  }
}

class OverlayDriver implements StorageDriver {
  readonly name = "overlay";
  readonly #places: Places;
  readonly #trash: Trash;
  readonly #layers: LayerDirectory;
  readonly #snapshots: SnapshotDirectory;
  /** Lowers are named below it: short, and nothing of the host's paths shows in a container's mountinfo. */
  readonly #layersFd: OwnedFd;
  readonly #lowerForm: LowerForm;

  constructor(places: Places, trash: Trash, lowerForm: LowerForm) {
    this.#places = places;
    this.#trash = trash;
    this.#lowerForm = lowerForm;
    this.#layers = new LayerDirectory(places, trash);
    this.#snapshots = new SnapshotDirectory(places, trash);
    this.#layersFd = openDirectoryPath(places.layers);
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

  async createSnapshot(id: SnapshotId, layers: readonly Digest[]): Promise<void> {
    if (layers.length > maxLowers) {
      throw new Failure(
        "unsupported",
        `cannot create snapshot "${id}": it has ${layers.length} layers, overlay takes at most ${maxLowers}`,
      );
    }
    const facts = layers.map((diffId) => this.#layers.get(diffId));
    const rootLayer = layers[facts.findLastIndex(({ setsRoot }) => setsRoot)];
    const rootFrom = rootLayer === undefined ? this.#places.empty : `${this.#places.layer(rootLayer)}/fs`;
    this.#snapshots.create(id, layers, rootFrom);
  }

  async listSnapshots(): Promise<readonly SnapshotId[]> {
    return this.#snapshots.list();
  }

  async mountSnapshot(
    id: SnapshotId,
    { readonly = false }: { readonly readonly?: boolean } = {},
  ): Promise<MountedSnapshot> {
    using undo = new DisposableStack();
    const lock = undo.use(this.#snapshots.lock(id, readonly ? "shared" : "exclusive"));
    const lowers = this.#lowersOf(this.#snapshots.layersOf(id));
    using directory = this.#snapshots.open(id);
    const upper = `/proc/self/fd/${directory.fd}/upper`;
    const mount = mountOverlay(
      readonly
        ? { lowers: [upper, ...lowers], empty: this.#places.empty }
        : {
            lowers,
            writable: { upper, work: `/proc/self/fd/${directory.fd}/work` },
            empty: this.#places.empty,
          },
      this.#lowerForm,
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
    this.#snapshots.remove(id);
  }

  async openUpper(id: SnapshotId): Promise<OwnedFd> {
    using directory = this.#snapshots.open(id);
    return openBeneath(directory.fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  async listChanges(
    id: SnapshotId,
    options: { readonly ignored?: ReadonlySet<string>; readonly signal?: AbortSignal } = {},
  ): Promise<readonly TreeChange[]> {
    using upper = await this.openUpper(id);
    using lower = await this.viewLayers(this.#snapshots.layersOf(id));
    return await listOverlayChanges({ upper: upper.fd, lower: lower.fd }, options);
  }

  async viewLayers(layers: readonly Digest[]): Promise<OwnedFd> {
    return mountOverlay({ lowers: this.#lowersOf(layers), empty: this.#places.empty }, this.#lowerForm);
  }

  async usage(of: { readonly layer: Digest } | { readonly snapshot: SnapshotId }): Promise<StorageUsage> {
    if ("snapshot" in of) {
      using upper = await this.openUpper(of.snapshot);
      return await diskUsage(upper.fd);
    }
    this.#layers.get(of.layer);
    using tree = openDirectoryPath(`${this.#places.layer(of.layer)}/fs`);
    return await diskUsage(tree.fd);
  }

  async describe(
    of: { readonly layers: readonly Digest[] } | { readonly snapshot: SnapshotId },
  ): Promise<Readonly<Record<string, string>>> {
    const layers = "snapshot" in of ? this.#snapshots.layersOf(of.snapshot) : of.layers;
    const lowers = layers.toReversed().map((diffId) => `${this.#places.layer(diffId)}/fs`);
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
    const findings: StorageFinding[] = [...this.#trash.findings()];
    for (const id of this.#snapshots.list()) {
      const layers = this.#snapshots.findLayersOf(id);
      if (layers === undefined) {
        findings.push({
          subject: `snapshot ${id}`,
          problem: "its list of layers can't be read",
          advice: "remove its container; what was written to it is in its directory",
        });
      }
      const missing = (layers ?? []).filter((diffId) => !this.#layers.has(diffId));
      for (const diffId of missing) {
        findings.push({
          subject: `snapshot ${id}`,
          problem: `its layer ${diffId} is missing`,
          advice: "load or pull its image again",
        });
      }
    }
    return findings;
  }

  async settle(): Promise<void> {
    await this.#trash.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trash.settle();
    this.#layersFd[Symbol.dispose]();
  }

  /**
   * From the topmost to the lowest, as overlay wants them. The same layer twice (empty ones often are) stays only
   * where it is uppermost: nothing of the lower one can be seen, and overlay refuses it.
   */
  #lowersOf(layers: readonly Digest[]): readonly string[] {
    const seen: string[] = [];
    for (const diffId of new Set(layers.toReversed())) {
      const { hidesBelow } = this.#layers.get(diffId);
      seen.push(`/proc/self/fd/${this.#layersFd.fd}/${hexOf(diffId)}/fs`);
      if (hidesBelow) break;
    }
    return seen;
  }
}
