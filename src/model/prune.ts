import type { ContainerId } from "./ids.ts";

/** Docker's filters: until, label, label!; of images dangling, too. */
export type PruneFilters = Readonly<Record<string, readonly string[]>>;

/** Containers that a prune removed. */
export interface PrunedContainers {
  readonly removed: readonly ContainerId[];
  /** Length of the files that they had written. */
  readonly freedBytes: number;
}

/** Images that a prune removed. */
export interface PrunedImages {
  readonly removed: readonly ({ readonly untagged: string } | { readonly deleted: string })[];
  /** Size of the files in the unreferenced layers; the disk has the space back a little later. */
  readonly freedBytes: number;
}
