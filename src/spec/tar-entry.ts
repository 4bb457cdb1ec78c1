/** The kind of a tar entry. "unknown": a type flag that corresponds to no file system object. */
export type TarType =
  | "file"
  | "hardlink"
  | "symlink"
  | "character"
  | "block"
  | "directory"
  | "fifo"
  | "unknown";

/** Where the stored bytes of a sparse file belong: ascending, not overlapping, within the file's size. */
export interface SparseFragment {
  readonly offset: number;
  readonly length: number;
}

/** One member of an archive, merged with all its extended headers. */
export interface TarEntry {
  /**
   * As in the archive, neither cleaned nor checked: may be absolute, hold "..", newlines or bytes that are no
   * UTF-8 (escaped as in byte-text.ts); never NUL.
   */
  readonly path: string;
  readonly type: TarType;
  /** The character in the header, for messages about "unknown". */
  readonly typeFlag: string;
  /** Permission bits with setuid, setgid, sticky: 0 to 0o7777. */
  readonly mode: number;
  /** From 0; not checked against what the kernel can hold. */
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  /** Length of the file in bytes, holes included; 0 for everything without contents. */
  readonly size: number;
  readonly mtime: TarTime;
  /** Target of a symbolic link, or path of the earlier entry that a hard link names; else "". */
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Set for sparse files only. */
  readonly sparse: readonly SparseFragment[] | undefined;
}

/** Seconds since 1970, negative before, and 0 to 999,999,999 nanoseconds after that second. */
export interface TarTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export type TarEvent =
  | { readonly kind: "entry"; readonly entry: TarEntry }
  /** Part of the last entry's contents; `offset` is its place in the file. A view of the chunk, not a copy. */
  | { readonly kind: "data"; readonly bytes: Uint8Array; readonly offset: number }
  /** The last entry is complete. */
  | { readonly kind: "end" };

export const TAR_BLOCK_BYTES = 512;
