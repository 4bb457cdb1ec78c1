/** One path that differs from the container's image. */
export interface ContainerChange {
  readonly path: string;
  readonly kind: "modified" | "added" | "deleted";
}

/** A file of a container, by lstat(2). */
export interface PathStat {
  /** The last part of the path that was asked for; "/" for the root. */
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";
  readonly permissions: number;
  readonly sizeBytes: number;
  readonly modified: { readonly seconds: number; readonly nanoseconds: number };
  /** Of a symbolic link: the absolute path in the container that it leads to, through all further ones; else "". */
  readonly linkTarget: string;
}

/** Disposing ends a copy that was not read to its end. */
export interface CopiedPath extends Disposable {
  readonly stat: PathStat;
  /** A tar of the file, or of the directory and all in it, with the path's last part as their first. */
  readonly archive: AsyncIterable<Uint8Array>;
}

/** How an archive is unpacked into a container. */
export interface CopyIntoOptions {
  /** Refuse to replace a directory by something else, and the other way round. */
  readonly keepsKinds?: boolean | undefined;
  /** All files belong to the container's user, not to the archive's owners. */
  readonly asContainerUser?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}
