export interface PackOptions {
  /**
   * "overlay" turns overlay's own marks into the whiteout entries of image layers, for an upper directory, and leaves
   * out files whose names would be taken for whiteouts. "none" (default) is for a tree as it is seen.
   */
  readonly whiteouts?: "overlay" | "none";
  /** Stores files with holes as such (PAX, GNU format 1.0), which not every reader knows. */
  readonly sparse?: boolean;
  readonly signal?: AbortSignal;
}
