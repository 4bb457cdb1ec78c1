import { Failure } from "../../../base/failure.ts";
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../constants/open.ts";
import { listDirectory } from "../../files/directory.ts";
import type { Fd } from "../../kernel/fd.ts";
import { findStatAt, type Stat, statFd } from "../../files/stat.ts";
import { call, isErrno } from "../../kernel/syscall.ts";
import type { TreeChange } from "../change.ts";
import type { TreeSize } from "../size.ts";
import { Descent } from "./descent.ts";
import { baseOf, parentOf } from "../entry-path.ts";
import { OpenDirectories } from "./open-directories.ts";
import type { Pace } from "../pace.ts";

/** One run of measureTree() or measureChanges(). */
export class Measuring {
  readonly #pace: Pace;
  /** Files with several names that were counted. */
  readonly #counted: Set<bigint>;
  readonly #leavesOut: ((name: string) => boolean) | undefined;
  #bytes = 0;
  #inodes = 0;
  #contentBytes = 0;

  constructor(
    pace: Pace,
    {
      counted = new Set(),
      leavesOut,
    }: {
      readonly counted?: Set<bigint> | undefined;
      readonly leavesOut?: ((name: string) => boolean) | undefined;
    } = {},
  ) {
    this.#pace = pace;
    this.#counted = counted;
    this.#leavesOut = leavesOut;
  }

  async runTree(root: Fd): Promise<TreeSize> {
    using descent = new Descent(call("openat", root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    this.#count(statFd(root));
    const waiting = [this.#list(descent.fd)];
    for (;;) {
      const name = waiting.at(-1)?.pop();
      if (name === undefined) {
        waiting.pop();
        if (waiting.length === 0 || !tryUp(descent)) return this.#size();
      } else if (tryDown(descent, name)) {
        waiting.push(this.#list(descent.fd));
      }
      if (this.#pace.isDue()) await this.#pace.rest();
    }
  }

  async runChanges(root: Fd, changes: readonly TreeChange[]): Promise<TreeSize> {
    using directories = new OpenDirectories(root, "strict");
    for (const { path, kind } of changes) {
      const parent = kind === "deleted" ? undefined : directories.find(parentOf(path.slice(1)));
      const stat = parent === undefined ? undefined : findStatAt(parent, baseOf(path));
      if (stat !== undefined) this.#count(stat);
      if (this.#pace.isDue()) await this.#pace.rest();
    }
    return this.#size();
  }

  /** Counts what is in a directory; returns the directories among it. */
  #list(directory: Fd): string[] {
    const directories: string[] = [];
    for (const { name } of listDirectory(directory)) {
      const stat = this.#leavesOut?.(name) === true ? undefined : findStatAt(directory, name);
      if (stat === undefined) continue;
      this.#count(stat);
      if (stat.kind === "directory") directories.push(name);
    }
    return directories;
  }

  #count({ kind, links, inode, blocks, size }: Stat): void {
    if (links > 1 && kind !== "directory") {
      if (this.#counted.has(inode)) return;
      this.#counted.add(inode);
    }
    this.#bytes += blocks * 512;
    this.#inodes++;
    if (kind === "file" || kind === "symlink") this.#contentBytes += size;
  }

  #size(): TreeSize {
    return { bytes: this.#bytes, inodes: this.#inodes, contentBytes: this.#contentBytes };
  }
}

function tryDown(descent: Descent, name: string): boolean {
  try {
    descent.down(name);
    return true;
  } catch (thrown) {
    // Vanished or replaced since it was listed, or something is mounted there.
    if (isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP", "EXDEV")) return false;
    throw thrown;
  }
}

/** False when the way back is lost: another process has moved a deep directory elsewhere. */
function tryUp(descent: Descent): boolean {
  try {
    descent.up();
    return true;
  } catch (thrown) {
    if (thrown instanceof Failure && ["conflict", "not-found"].includes(thrown.kind)) return false;
    throw thrown;
  }
}
