import { O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, S_IFCHR } from "../../constants/open.ts";
import { errno } from "../../kernel/errno.ts";
import type { Fd } from "../../kernel/fd.ts";
import { pathArgument } from "../../kernel/path-argument.ts";
import { findStatAt, type Stat } from "../../files/stat.ts";
import { attempt, SyscallFailure } from "../../kernel/syscall.ts";
import { findXattr, setXattr } from "../../files/xattr.ts";

/** The marks by which a layer in a directory of its own deletes entries of the layers below it. */
export interface Marks {
  /** Nothing of lower layers shows in this directory. */
  readonly isOpaque: (directory: Fd) => boolean;
  readonly setOpaque: (directory: Fd) => void;
  /** Marks lower layers' `name` as gone; fine when it is. False when the layer has something of that name itself. */
  readonly hide: (parent: Fd, name: string) => boolean;
  /**
   * Removes the mark when it has a name of its own: next to the mark, the layer's own entry would be hidden, too.
   * Returns false when there was none.
   */
  readonly reveal: (parent: Fd, name: string) => boolean;
  /** Whether `name`, which looks like this there, is marked as gone. */
  readonly isHidden: (parent: Fd, name: string, stat: Stat | undefined) => boolean;
  /**
   * The file that a name in a directory is, or hides. Undefined: the name is the file system's own, and names no file.
   */
  readonly subjectOf: (name: string) => string | undefined;
}

const OPAQUE = "trusted.overlay.opaque";
const YES = 0x79; // "y"

/** SPEC: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories". */
export const overlayMarks: Marks = {
  isOpaque: (directory) => {
    const value = findXattr(directory, OPAQUE);
    return value?.length === 1 && value[0] === YES;
  },
  setOpaque: (directory) => setXattr(directory, OPAQUE, Uint8Array.of(YES)),
  hide: (parent, name) => {
    const result = attempt("mknodat", parent, pathArgument(name), S_IFCHR, 0);
    if (result < 0 && result !== -errno.EEXIST) {
      throw new SyscallFailure("mknodat", [parent, name, S_IFCHR, 0], -result);
    }
    return result >= 0;
  },
  reveal: () => false,
  isHidden: (_parent, _name, stat) => stat !== undefined && isWhiteout(stat),
  subjectOf: (name) => name,
};

/** Overlay's own mark for "not in lower layers either": a character device 0:0. */
export function isWhiteout(stat: Stat): boolean {
  return stat.kind === "character" && stat.major === 0 && stat.minor === 0;
}

export const WHITEOUT = ".wh.";
/** Names that begin with it are aufs's own. */
export const AUFS_OWN = ".wh..wh.";
const AUFS_OPAQUE = ".wh..wh..opq";
/** The mode that aufs itself uses: no process writes to a whiteout. */
const whiteoutMode = 0o444;

/**
 * SPEC: aufs(5), "Compatible/Incompatible with Unionfs Version 1.x Series": an empty file `.wh.NAME`, and
 * `.wh..wh..opq`.
 */
export const aufsMarks: Marks = {
  isOpaque: (directory) => findStatAt(directory, AUFS_OPAQUE)?.kind === "file",
  setOpaque: (directory) => makeMark(directory, AUFS_OPAQUE),
  hide: (parent, name) => {
    if (findStatAt(parent, name) !== undefined) return false;
    makeMark(parent, `${WHITEOUT}${name}`);
    return true;
  },
  reveal: (parent, name) => {
    const result = attempt("unlinkat", parent, pathArgument(`${WHITEOUT}${name}`), 0);
    if (result < 0 && result !== -errno.ENOENT) {
      throw new SyscallFailure("unlinkat", [parent, `${WHITEOUT}${name}`, 0], -result);
    }
    return result >= 0;
  },
  isHidden: (parent, name, stat) =>
    stat === undefined && findStatAt(parent, `${WHITEOUT}${name}`)?.kind === "file",
  subjectOf: (name) => {
    if (name.startsWith(AUFS_OWN)) return undefined;
    return name.startsWith(WHITEOUT) ? name.slice(WHITEOUT.length) : name;
  },
};

function makeMark(directory: Fd, name: string): void {
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const result = attempt("openat", directory, pathArgument(name), flags, whiteoutMode);
  if (result >= 0) attempt("close", result);
  else if (result !== -errno.EEXIST) {
    throw new SyscallFailure("openat", [directory, name, flags, whiteoutMode], -result);
  }
}

/** A form of layers that hides what is below it. */
export type MarksName = "overlay" | "aufs";

export const marksOf: Readonly<Record<MarksName, Marks>> = { overlay: overlayMarks, aufs: aufsMarks };
