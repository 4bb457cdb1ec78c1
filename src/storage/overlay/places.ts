import { Failure } from "../../base/failure.ts";
import { type Digest, hexOf } from "../../spec/digest.ts";
import type { SnapshotId } from "../driver.ts";

/** Where things are below `<dataRoot>/storage/overlay`; everything is 0700. */
export class Places {
  readonly layers: string;
  readonly snapshots: string;
  readonly drafts: string;
  readonly trash: string;
  /** The lowest directory of an overlay that has no layer. */
  readonly empty: string;

  constructor(root: string) {
    this.layers = `${root}/layers`;
    this.snapshots = `${root}/snapshots`;
    this.drafts = `${root}/drafts`;
    this.trash = `${root}/trash`;
    this.empty = `${root}/empty`;
  }

  /** Holds `fs`, and `root-set` when the layer's tar said what the root directory is like. */
  layer(diffId: Digest): string {
    return `${this.layers}/${hexOf(diffId)}`;
  }

  /** Holds `upper`, `work`, `layers` (their digests as JSON, the lowest first) and `lock`. */
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
