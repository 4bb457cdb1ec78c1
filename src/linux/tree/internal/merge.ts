import { required } from "../../../base/required.ts";
import { within } from "../../../base/failure.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFSOCK,
} from "../../constants/open.ts";
import { listDirectory } from "../../files/directory.ts";
import { errno } from "../../kernel/errno.ts";
import { type Fd, OwnedFd } from "../../kernel/fd.ts";
import { readLinkAt } from "../../files/open.ts";
import { pathArgument } from "../../kernel/path-argument.ts";
import { findStatAt, makeDevice, type Stat, statAt } from "../../files/stat.ts";
import { attempt, call, SyscallFailure } from "../../kernel/syscall.ts";
import { findXattr, listXattrs, setXattr } from "../../files/xattr.ts";
import { FileCopier } from "./copy-file.ts";
import { Descent } from "./descent.ts";
import { joinPath, parentOf, baseOf } from "../entry-path.ts";
import { isWhiteout, overlayMarks } from "./marks.ts";
import { applyTime, applyTimeAt, isAllowedXattr } from "../metadata.ts";
import { OpenDirectories } from "./open-directories.ts";
import type { Pace } from "../pace.ts";
import { removeEntry } from "./remove.ts";

export interface MergeRules {
  readonly files: "copy" | "link";
  readonly pace: Pace;
}

interface Level {
  readonly path: string;
  readonly names: string[];
}

/** One run of mergeLayer(). */
export class Merging {
  readonly #rules: MergeRules;
  readonly #copier: FileCopier = new FileCopier();
  /** Where the first name of a file that has several was made, by inode. */
  readonly #made: Map<bigint, string> = new Map();
  readonly #levels: Level[] = [];

  constructor(rules: MergeRules) {
    this.#rules = rules;
  }

  async run(layer: Fd, into: Fd): Promise<void> {
    using from = new Descent(openTop(layer));
    using to = new Descent(openTop(into));
    using directories = new OpenDirectories(into, "strict");
    this.#levels.push({ path: "", names: namesIn(from.fd) });
    for (;;) {
      const level = required(this.#levels.at(-1));
      const name = level.names.pop();
      if (name === undefined) {
        this.#levels.pop();
        if (this.#levels.length === 0) return;
        finishDirectory(from, to);
        from.up();
        to.up();
      } else {
        const path = joinPath(level.path, name);
        try {
          await this.#merge(path, { from, to, directories });
        } catch (thrown) {
          throw within(`cannot ${this.#rules.files} ${JSON.stringify(path)}`, thrown);
        }
      }
      if (this.#rules.pace.isDue()) await this.#rules.pace.rest();
    }
  }

  async #merge(
    path: string,
    trees: { readonly from: Descent; readonly to: Descent; readonly directories: OpenDirectories },
  ): Promise<void> {
    const { from, to, directories } = trees;
    const name = baseOf(path);
    const stat = statAt(from.fd, name);
    const old = findStatAt(to.fd, name);
    if (isWhiteout(stat)) {
      if (old !== undefined) await this.#clear(to.fd, name, directories);
      return;
    }
    if (stat.kind === "directory") {
      from.down(name);
      const stays = old?.kind === "directory" && !overlayMarks.isOpaque(from.fd);
      if (old !== undefined && !stays) await this.#clear(to.fd, name, directories);
      if (!stays) call("mkdirat", to.fd, pathArgument(name), 0o700);
      to.down(name);
      this.#levels.push({ path, names: namesIn(from.fd) });
      return;
    }
    if (old !== undefined) await this.#clear(to.fd, name, directories);
    if (this.#rules.files === "link" && link(from.fd, name, to.fd, name)) return;
    if (stat.links > 1) {
      const first = this.#made.get(stat.inode);
      const parent = first === undefined ? undefined : directories.find(parentOf(first));
      if (parent !== undefined && link(parent, baseOf(first ?? ""), to.fd, name)) return;
      this.#made.set(stat.inode, path);
    }
    await this.#make(stat, name, { from: from.fd, to: to.fd });
  }

  async #clear(directory: Fd, name: string, directories: OpenDirectories): Promise<void> {
    await removeEntry(directory, name, this.#rules.pace);
    directories.forget();
  }

  async #make(stat: Stat, name: string, { from, to }: { readonly from: Fd; readonly to: Fd }): Promise<void> {
    switch (stat.kind) {
      case "file":
        return await this.#copyFile(stat, name, { from, to });
      case "symlink":
        call("symlinkat", readLinkAt(from, name), to, pathArgument(name));
        call("fchownat", to, pathArgument(name), stat.uid, stat.gid, AT_SYMLINK_NOFOLLOW);
        return applyTimeAt(to, name, stat.modified);
      case "character":
        return makeNode(to, name, { stat, type: S_IFCHR });
      case "block":
        return makeNode(to, name, { stat, type: S_IFBLK });
      case "fifo":
        return makeNode(to, name, { stat, type: S_IFIFO });
      case "socket":
        return makeNode(to, name, { stat, type: S_IFSOCK });
      case "directory":
        return;
      default:
        stat.kind satisfies never;
    }
  }

  async #copyFile(
    stat: Stat,
    name: string,
    { from, to }: { readonly from: Fd; readonly to: Fd },
  ): Promise<void> {
    using source = new OwnedFd(call("openat", from, pathArgument(name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    using target = new OwnedFd(call("openat", to, pathArgument(name), flags, 0o600));
    await this.#copier.copy(source.fd, target.fd, stat);
    copyMetadata(source.fd, target.fd, stat);
  }
}

function openTop(root: Fd): Fd {
  return call("openat", root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

function namesIn(directory: Fd): string[] {
  return listDirectory(directory).map(({ name }) => name);
}

/** False when the file has as many names as the file system allows. */
function link(fromParent: Fd, from: string, toParent: Fd, to: string): boolean {
  const result = attempt("linkat", fromParent, pathArgument(from), toParent, pathArgument(to), 0);
  if (result < 0 && result !== -errno.EMLINK) {
    throw new SyscallFailure("linkat", [fromParent, from, toParent, to, 0], -result);
  }
  return result >= 0;
}

function makeNode(
  parent: Fd,
  name: string,
  { stat, type }: { readonly stat: Stat; readonly type: number },
): void {
  const device = stat.kind === "fifo" || stat.kind === "socket" ? 0 : makeDevice(stat.major, stat.minor);
  call("mknodat", parent, pathArgument(name), type | 0o600, device);
  using node = new OwnedFd(call("openat", parent, pathArgument(name), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  call("fchownat", node.fd, "", stat.uid, stat.gid, AT_EMPTY_PATH);
  call("fchmodat", AT_FDCWD, `/proc/self/fd/${node.fd}`, stat.permissions);
  applyTimeAt(parent, name, stat.modified);
}

/** After all that is in it: its time, and default access lists that its files would have taken over. */
function finishDirectory(from: Descent, to: Descent): void {
  const kept = new Set(listXattrs(from.fd));
  for (const name of listXattrs(to.fd)) {
    if (!kept.has(name) && isAllowedXattr(name)) call("fremovexattr", to.fd, pathArgument(name));
  }
  copyMetadata(from.fd, to.fd, from.identity);
}

/** chown(2) clears setuid, setgid and file capabilities, so it comes first. */
function copyMetadata(from: Fd, to: Fd, stat: Stat): void {
  call("fchown", to, stat.uid, stat.gid);
  call("fchmod", to, stat.permissions);
  for (const name of listXattrs(from)) {
    const value = isAllowedXattr(name) ? findXattr(from, name) : undefined;
    if (value !== undefined) setXattr(to, name, value);
  }
  applyTime(to, stat.modified);
}
