import { Failure } from "../../../base/failure.ts";
import type { TarTime } from "../../../spec/tar-entry.ts";
import { O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../constants/open.ts";
import { errno } from "../../kernel/errno.ts";
import { type Fd, OwnedFd } from "../../kernel/fd.ts";
import { pathArgument } from "../../kernel/path-argument.ts";
import { findStatAt } from "../../files/stat.ts";
import { call, SyscallFailure, type SyscallName } from "../../kernel/syscall.ts";
import type { UnpackOptions, Whiteouts } from "../unpack-options.ts";
import { baseOf, type NameRules, parentOf } from "../entry-path.ts";
import { type Marks, marksOf } from "./marks.ts";
import { OpenDirectories } from "./open-directories.ts";
import type { Pace } from "../pace.ts";
import { removeEntry } from "./remove.ts";

/** Metadata that is applied to a directory after all its entries exist. */
export interface LateMetadata {
  readonly mtime: TarTime;
  readonly defaultAcl: Uint8Array | undefined;
}

/** A tree while a layer is written into it, and what of it comes from this very layer. */
export class LayerTree implements Disposable {
  readonly directories: OpenDirectories;
  readonly late: Map<string, LateMetadata> = new Map();
  readonly #pace: Pace;
  readonly #checkDirectory: UnpackOptions["checkDirectory"];
  /** Undefined: deletions are carried out, or are none. */
  readonly marks: Marks | undefined;
  /** Lower layers' entries at these paths are hidden. */
  readonly #hidden: Set<string> = new Set();
  /** Undefined: all that is in the tree counts as the layer's own. */
  readonly #own: Set<string> | undefined;
  readonly #emptied: Set<string> = new Set();

  constructor(
    root: Fd,
    options: {
      readonly rules: NameRules;
      readonly whiteouts: Whiteouts;
      readonly pace: Pace;
    } & Pick<UnpackOptions, "within" | "checkDirectory">,
  ) {
    this.directories = new OpenDirectories(root, options.rules, options.within);
    this.#checkDirectory = options.checkDirectory;
    this.#pace = options.pace;
    const { whiteouts } = options;
    this.marks = whiteouts === "overlay" || whiteouts === "aufs" ? marksOf[whiteouts] : undefined;
    this.#own = options.whiteouts === "remove" ? new Set() : undefined;
  }

  isOwn(path: string): boolean {
    return this.#own === undefined || this.#own.has(path);
  }

  markOwn(path: string): void {
    this.#own?.add(path);
  }

  /** Notes that nothing of lower layers shows at `path`, whatever this layer has there. */
  markHidden(path: string): void {
    this.#hidden.add(path);
  }

  /** For what was just made at `path`, below `parent`: a mark does not hide it. True where one hides what is below. */
  reveal(parent: Fd, path: string): boolean {
    if (this.#hidden.size === 0) return false;
    // Under Docker's rules a directory may have two names, so its mark may have been made under another path.
    const wasMarked = this.marks?.reveal(parent, baseOf(path)) ?? false;
    return wasMarked || this.#hidden.has(path);
  }

  /** Notes that lower layers have nothing left in the directory; false when that was so before. */
  markEmptied(path: string): boolean {
    if (this.#emptied.has(path)) return false;
    this.#emptied.add(path);
    return true;
  }

  /** The directory that holds `path`; missing ones are made as root's, mode 0755. Only until the next call. */
  parent(path: string): Fd {
    const directory = this.directories.ensure(parentOf(path), this.#makeImplied);
    if (this.#checkDirectory !== undefined) this.directories.checkOnce(directory, this.#checkDirectory);
    return directory;
  }

  /** The directory `path` itself. */
  directory(path: string): Fd {
    return this.directories.ensure(path, this.#makeImplied);
  }

  /**
   * Makes something that is no directory at `path`; a later entry replaces an earlier one, a link itself and not
   * what it points to. `make` makes the system call that is named and gives −errno when it fails.
   */
  async create(
    path: string,
    syscall: SyscallName,
    make: (parent: Fd, name: string) => number,
  ): Promise<number> {
    const name = baseOf(path);
    let result = make(this.parent(path), name);
    if (result === -errno.EEXIST) {
      await this.clear(path);
      result = make(this.parent(path), name);
    }
    if (result < 0) throw new SyscallFailure(syscall, [path], -result);
    if (this.#hidden.size > 0) this.reveal(this.parent(path), path);
    this.markOwn(path);
    return result;
  }

  /** Removes whatever is at `path`. */
  async clear(path: string): Promise<void> {
    const parent = this.parent(path);
    const name = baseOf(path);
    const stat = findStatAt(parent, name);
    if (stat === undefined) return;
    if (stat.kind === "directory") await removeEntry(parent, name, this.#pace);
    else call("unlinkat", parent, pathArgument(name), 0);
    if (stat.kind === "directory" || stat.kind === "symlink") this.directories.forget();
  }

  readonly #makeImplied = (parent: Fd, name: string, path: string, found: "nothing" | "other"): void => {
    if (this.#checkDirectory !== undefined) this.directories.checkOnce(parent, this.#checkDirectory);
    const stat = found === "nothing" ? undefined : findStatAt(parent, name);
    const isMark = this.marks?.isHidden(parent, name, stat) ?? false;
    if (stat !== undefined) {
      if (!isMark && this.isOwn(path)) {
        throw new Failure("invalid", `its parent ${JSON.stringify(path)} is a ${stat.kind}`);
      }
      call("unlinkat", parent, pathArgument(name), 0);
    }
    call("mkdirat", parent, pathArgument(name), 0o755);
    using made = openMade(parent, name);
    call("fchown", made.fd, 0, 0);
    call("fchmod", made.fd, 0o755);
    if (this.reveal(parent, path) || isMark) this.marks?.setOpaque(made.fd);
    this.markOwn(path);
  };

  [Symbol.dispose](): void {
    this.directories[Symbol.dispose]();
  }
}

/** A directory, never through a link. */
export function openMade(parent: Fd, name: string): OwnedFd {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  return new OwnedFd(call("openat", parent, pathArgument(name), flags));
}
