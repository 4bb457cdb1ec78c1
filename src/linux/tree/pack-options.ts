import type { IdMaps } from "../../spec/id-map.ts";

export interface PackOptions {
  /**
   * "overlay" and "aufs" turn that file system's own marks into the whiteout entries of image layers, for an upper
   * directory, and leave out what has no place in one: files whose names would be taken for whiteouts, aufs's own.
   * "none" (default) is for a tree as it is seen.
   */
  readonly whiteouts?: "overlay" | "aufs" | "none" | undefined;
  /** Stores files with holes as such (PAX, GNU format 1.0), which not every reader supports. */
  readonly sparse?: boolean | undefined;
  /**
   * The treatment of mounts below the tree. "empty" (default): a mount point is an empty directory or file. "cross":
   * mounts are packed like all else, but not the kernel's own file systems (proc, sysfs, …).
   */
  readonly mounts?: "empty" | "cross" | undefined;
  /** "seconds": without fractions, which need a header of their own for each entry. "exact" is the default. */
  readonly times?: "exact" | "seconds" | undefined;
  /** Of the user namespace whose files these are: the archive has owners as they are known in it. */
  readonly idMaps?: IdMaps | undefined;
  /** Paths (relative, clean) that are left out: a file in any case, a directory where nothing in it is packed. */
  readonly ignored?: ReadonlySet<string> | undefined;
  readonly signal?: AbortSignal | undefined;
}
