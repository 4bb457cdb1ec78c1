import { Failure } from "../../base/failure.ts";
import { type Digest, hexOf } from "../../spec/digest.ts";
import type { SnapshotId } from "../driver.ts";

/** Where a driver that keeps directories has them, below `<dataRoot>/storage/<driver>`; everything is 0700. */
export class DriverPaths {
  readonly root: string;
  readonly layers: string;
  readonly snapshots: string;
  readonly drafts: string;
  /** Prewarmed directories of snapshots. */
  readonly prewarmed: string;
  readonly trash: string;
  /** A directory with nothing in it: what there is without any layer. */
  readonly empty: string;
  /** For the mount that shows what the kernel can do. */
  readonly probe: string;

  constructor(root: string) {
    this.root = root;
    this.layers = `${root}/layers`;
    this.snapshots = `${root}/snapshots`;
    this.drafts = `${root}/drafts`;
    this.prewarmed = `${root}/prewarmed`;
    this.trash = `${root}/trash`;
    this.empty = `${root}/empty`;
    this.probe = `${root}/probe`;
  }

  get all(): readonly string[] {
    return [this.layers, this.snapshots, this.drafts, this.prewarmed, this.trash, this.empty];
  }

  /** Contains `fs`, and `root-set` when the layer's tar contains an entry for the root directory. */
  layer(diffId: Digest): string {
    return `${this.layers}/${hexOf(diffId)}`;
  }

  /** Holds `layers` (their digests as JSON, the lowest first), `lock`, and the driver's own. */
  snapshot(id: SnapshotId): string {
    if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/.test(id)) {
      throw new Failure(
        "invalid",
        `cannot use snapshot id "${id.slice(0, 160)}": only letters, digits and _ . - may be in it`,
      );
    }
    return `${this.snapshots}/${id}`;
  }
}
