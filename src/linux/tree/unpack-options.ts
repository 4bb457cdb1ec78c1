import type { IdMaps } from "../../spec/id-map.ts";
import type { Fd } from "../kernel/fd.ts";

/** Beyond these an archive is refused as a bomb. What is left out has a default that real images stay far below. */
export interface UnpackLimits {
  readonly entries?: number | undefined;
  /** On the disk, so holes don't count but each piece of a sparse file counts as a block. */
  readonly totalBytes?: number | undefined;
  /** Length of one file, holes included. */
  readonly fileBytes?: number | undefined;
  /** Components of a path. */
  readonly depth?: number | undefined;
}

export type Whiteouts = "overlay" | "aufs" | "remove" | "plain";

export interface UnpackOptions {
  /**
   * The treatment of deletions. "overlay" (default), "aufs": that file system's own marks, for a layer in its own,
   * initially empty directory; names that are too long for aufs are refused there. "remove": deletes in a full tree of
   * the layers below. All three show the same tree. A directory that the archive needs but does not contain hides a
   * lower layers' link in its place ("bin/x" hides `bin -> usr/bin`), as with Docker's overlay2; under Docker's names
   * "remove" follows such a link, as its vfs does. "plain" is for archives that are no layers: names with ".wh." are
   * ordinary names.
   */
  readonly whiteouts?: Whiteouts | undefined;
  /**
   * The treatment of existing entries. "replace" (default): a later entry wins, whatever existed. "same-kind": neither
   * does another kind of entry replace a directory, nor a directory another kind.
   */
  readonly existing?: "replace" | "same-kind" | undefined;
  /** "keep": owner, mode and time of the target directory stay, regardless of the archive. */
  readonly root?: "set" | "keep" | undefined;
  /** All files belong to this user and group; absent: to the archive's owners. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /**
   * Of the user namespace whose files these become: owners in the archive, and `owner`, are meant as they are known in
   * it.
   */
  readonly idMaps?: IdMaps | undefined;
  readonly devices?: "make" | "skip" | undefined;
  /**
   * "strict" (default) refuses absolute names, and entries below a symbolic link. "docker" takes "/a" as "a" and
   * resolves such links inside the tree, as Docker does: some builders write such layers (an archive made of
   * packages has `lib -> usr/lib` and then `lib/x`). Neither lets anything out of the tree.
   */
  readonly names?: "strict" | "docker" | undefined;
  /**
   * Under Docker's names: `into` is the directory `path` of the tree `root`, and links on the way to an entry are
   * resolved in that whole tree. Absent: in `into`.
   */
  readonly within?: { readonly root: Fd; readonly path: string } | undefined;
  /** Called with each directory in which an entry is made; throws where none may be. */
  readonly checkDirectory?: ((directory: Fd) => void) | undefined;
  readonly limits?: UnpackLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UnpackResult {
  readonly entries: number;
  /** Space asked for, as the limit counts it. */
  readonly bytes: number;
  /** Extended attributes that are not allowed to come from an archive, or that the file system does not hold. */
  readonly skippedXattrs: number;
  /**
   * The layer hides everything below it. Overlay ignores its own mark on a layer's root: the caller that mounts the
   * layers must leave out those below this one.
   */
  readonly isRootOpaque: boolean;
}
