import { required } from "../../../base/required.ts";
import { O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../constants/open.ts";
import { ensureDirectoryInRoot } from "../../files/ensure-directory.ts";
import { errno } from "../../kernel/errno.ts";
import type { Fd } from "../../kernel/fd.ts";
import { openInRoot } from "../../files/open.ts";
import { statFd } from "../../files/stat.ts";
import { pathArgument } from "../../kernel/path-argument.ts";
import { attempt, isErrno, SyscallFailure } from "../../kernel/syscall.ts";
import type { UnpackOptions } from "../unpack-options.ts";
import { baseOf, joinPath, type NameRules, parentOf } from "../entry-path.ts";

const CAPACITY = 128;

/** Handles an obstacle at a directory's path: creates the directory, or throws. */
export type MakeMissing = (parent: Fd, name: string, path: string, found: "nothing" | "other") => void;

/**
 * Directories of the tree that is being written, by their clean path, the latest used kept open. Each is reached
 * component by component from one that is known. SAFETY: a component holds no slash and is never "..", and
 * O_NOFOLLOW | O_DIRECTORY refuses a link, so no path ever leaves the tree; under Docker's rules a link is resolved by
 * the kernel with the tree, or the larger one that it is in, as root.
 */
export class OpenDirectories implements Disposable {
  readonly #root: Fd;
  readonly #rules: NameRules;
  readonly #within: { readonly root: Fd; readonly path: string };
  readonly #open: Map<string, Fd> = new Map();
  /** Descriptors that checkOnce() has seen, while they are open. */
  readonly #checked: Set<Fd> = new Set();
  #lastPath = "";
  #lastFd: Fd;

  constructor(root: Fd, rules: NameRules, within: UnpackOptions["within"] = { root, path: "" }) {
    this.#root = root;
    this.#rules = rules;
    this.#within = within;
    this.#lastFd = root;
  }

  /** The directory, undefined when it or a parent is missing. Only until the next call of a method. */
  find(path: string): Fd | undefined {
    return this.#reach(path, undefined);
  }

  /** The directory; what is missing on the way is made by `make`. Only until the next call of a method. */
  ensure(path: string, make: MakeMissing): Fd {
    return required(this.#reach(path, make));
  }

  /** Takes a descriptor of the directory over. */
  keep(path: string, fd: Fd): Fd {
    const old = this.#open.get(path);
    if (old !== undefined) this.#close(old);
    this.#open.delete(path);
    this.#open.set(path, fd);
    if (this.#open.size > CAPACITY) {
      const [oldest, oldestFd] = required(this.#open.entries().next().value);
      this.#open.delete(oldest);
      this.#close(oldestFd);
    }
    this.#lastPath = path;
    this.#lastFd = fd;
    return fd;
  }

  /** Calls `check` with a directory of this, unless it has been called while that was open. */
  checkOnce(directory: Fd, check: (directory: Fd) => void): void {
    if (this.#checked.has(directory)) return;
    check(directory);
    this.#checked.add(directory);
  }

  /** After a directory was removed or replaced. */
  forget(): void {
    for (const fd of this.#open.values()) this.#close(fd);
    this.#open.clear();
    this.#lastPath = "";
    this.#lastFd = this.#root;
  }

  [Symbol.dispose](): void {
    this.forget();
  }

  #close(fd: Fd): void {
    this.#checked.delete(fd);
    attempt("close", fd);
  }

  #reach(path: string, make: MakeMissing | undefined): Fd | undefined {
    if (path === this.#lastPath) return this.#lastFd;
    if (path === "") return this.#root;
    let known = path;
    while (known !== "" && !this.#open.has(known)) known = parentOf(known);
    let fd = known === "" ? this.#root : this.#touch(known);
    while (known !== path) {
      const slash = path.indexOf("/", known === "" ? 0 : known.length + 1);
      known = slash < 0 ? path : path.slice(0, slash);
      const next = this.#step(fd, known, make);
      if (next === undefined) return undefined;
      fd = this.keep(known, next);
    }
    return fd;
  }

  /** The latest used is the last to be closed. */
  #touch(path: string): Fd {
    const fd = required(this.#open.get(path));
    this.#open.delete(path);
    this.#open.set(path, fd);
    this.#lastPath = path;
    this.#lastFd = fd;
    return fd;
  }

  #step(parent: Fd, path: string, make: MakeMissing | undefined): Fd | undefined {
    const name = baseOf(path);
    const opened = this.#tryOpen(parent, name);
    if (opened >= 0) return opened;
    if (opened !== -errno.ENOENT && opened !== -errno.ENOTDIR) {
      throw new SyscallFailure("openat", [parent, name], -opened);
    }
    if (opened === -errno.ENOTDIR && this.#rules === "docker") {
      const resolved = this.#resolve(path, make !== undefined);
      if (resolved !== undefined) return resolved;
    }
    if (make === undefined) return undefined;
    make(parent, name, path, opened === -errno.ENOENT ? "nothing" : "other");
    const made = this.#tryOpen(parent, name);
    if (made < 0) throw new SyscallFailure("openat", [parent, name], -made);
    return made;
  }

  #tryOpen(parent: Fd, name: string): number {
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    return attempt("openat", parent, pathArgument(name), flags);
  }

  /** The directory that a link leads to inside the tree; undefined when it is no link, or leads nowhere. */
  #resolve(path: string, make: boolean): Fd | undefined {
    const { root, path: base } = this.#within;
    const fullPath = joinPath(base, path);
    try {
      using link = openInRoot(root, fullPath, O_PATH | O_NOFOLLOW);
      if (statFd(link.fd).kind !== "symlink") return undefined;
      return openInRoot(root, fullPath, O_PATH | O_DIRECTORY).move();
    } catch (thrown) {
      if (!isErrno(thrown, "ENOENT")) throw thrown;
      return make ? ensureDirectoryInRoot(root, fullPath).move() : undefined;
    }
  }
}
