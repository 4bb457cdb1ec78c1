import type { Buffer } from "node:buffer";
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import { encodeBytes } from "../../spec/byte-text.ts";
import { TarReader } from "../../spec/tar.ts";
import type { TarEntry } from "../../spec/tar-entry.ts";
import { HostDirectories, partsOf } from "./host-directories.ts";
import type { CopyPlan } from "./copy-endpoint.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

export interface UnpackToHostOptions extends CopyPlan {
  /** Owners as in the archive, setuid and setgid bits, too; else all is the caller's, without those bits. */
  readonly keepsOwners: boolean;
  /** No name has a first part that is the source's: all of it counts. */
  readonly keepsNames?: boolean | undefined;
}

/** Unpacks what a container gave. Returns the names of what was left out: devices and fifos. */
export async function unpackToHost(
  chunks: AsyncIterable<Uint8Array>,
  options: UnpackToHostOptions,
): Promise<readonly string[]> {
  using unpacking = new HostUnpacking(options);
  const reader = new TarReader();
  for await (const chunk of chunks) {
    for (const event of reader.push(chunk)) {
      if (event.kind === "entry") unpacking.begin(event.entry);
      else if (event.kind === "data") unpacking.write(event.bytes, event.offset);
      else unpacking.finish();
    }
  }
  reader.end();
  unpacking.finishDirectories();
  return unpacking.skipped;
}

class HostUnpacking implements Disposable {
  readonly skipped: string[] = [];
  readonly #options: UnpackToHostOptions;
  readonly #directories: HostDirectories;
  readonly #made = new Set<string>();
  readonly #late = new Map<string, TarEntry>();
  #file: { readonly fd: number; readonly entry: TarEntry } | undefined;

  constructor(options: UnpackToHostOptions) {
    this.#options = options;
    this.#directories = new HostDirectories(options.directory);
  }

  begin(entry: TarEntry): void {
    const parts = this.#componentsOf(entry.path);
    try {
      if (entry.type === "directory") this.#makeDirectory(parts, entry);
      else this.#makeOther(parts, entry);
    } catch (thrown) {
      if (thrown instanceof Failure) throw thrown;
      throw new Failure("invalid", `cannot unpack ${JSON.stringify(entry.path)}: ${sentenceOf(thrown)}`, {
        cause: thrown,
      });
    }
  }

  write(bytes: Uint8Array, offset: number): void {
    if (this.#file === undefined) return;
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.#file.fd, bytes, at, bytes.length - at, offset + at);
  }

  finish(): void {
    if (this.#file === undefined) return;
    const { fd, entry } = this.#file;
    if (entry.sparse !== undefined) ftruncateSync(fd, entry.size);
    this.#apply(fd, entry);
    this.#close();
  }

  finishDirectories(): void {
    for (const [path, entry] of [...this.#late].reverse()) {
      this.#apply(this.#directories.open(path.split("/")), entry);
    }
  }

  /** The first part of each name is the source's: it gets the name that was planned. */
  #componentsOf(path: string): string[] {
    const isAnonymous = this.#options.keepsNames === true || /^\.?\//.test(path) || path === ".";
    const parts = partsOf(path);
    const below = isAnonymous ? parts : parts.slice(1);
    return this.#options.name === "" ? below : [this.#options.name, ...below];
  }

  #makeDirectory(parts: readonly string[], entry: TarEntry): void {
    if (parts.length === 0) return; // it is the user's own and stays as it is
    const path = this.#directories.at(parts.slice(0, -1), parts.at(-1) ?? "");
    try {
      mkdirSync(path, 0o700);
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") throw thrown;
      if (!lstatSync(path).isDirectory()) throw refusal("non-directory", "directory", entry);
    }
    this.#late.set(parts.join("/"), entry);
  }

  #makeOther(parts: readonly string[], entry: TarEntry): void {
    const name = parts.at(-1);
    if (name === undefined) throw refusal("directory", "non-directory", entry);
    if (entry.type !== "file" && entry.type !== "symlink" && entry.type !== "hardlink") {
      this.skipped.push(entry.path);
      return;
    }
    const from = entry.type === "hardlink" ? this.#linked(entry) : undefined;
    const path = this.#directories.at(parts.slice(0, -1), name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) throw refusal("directory", "non-directory", entry);
    if (found !== undefined) unlinkSync(path);
    if (entry.type === "file") {
      // SAFETY: a new file or none; no link is followed, no fifo opened.
      this.#file = { fd: openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), entry };
    } else if (entry.type === "symlink") {
      this.#makeSymlink(path, entry);
    } else if (from !== undefined) {
      this.#link(from, path);
    }
    this.#made.add(parts.join("/"));
  }

  #makeSymlink(path: Buffer, entry: TarEntry): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- node:fs takes any Uint8Array as a path, but its types do not
    symlinkSync(encodeBytes(entry.linkName) as Buffer, path);
    if (this.#options.keepsOwners) lchownSync(path, entry.uid, entry.gid);
    lutimesSync(path, entry.mtime.seconds, entry.mtime.seconds);
  }

  /** SAFETY: only what this very archive brought is linked, never a file that was here. */
  #linked(entry: TarEntry): readonly string[] {
    const parts = this.#componentsOf(entry.linkName);
    if (this.#made.has(parts.join("/"))) return parts;
    throw new Failure(
      "corrupt",
      `cannot unpack ${JSON.stringify(entry.path)}: it is a hard link to something that did not come before`,
    );
  }

  #link(from: readonly string[], path: Buffer): void {
    using held = new HostDirectories(this.#options.directory);
    linkSync(held.at(from.slice(0, -1), from.at(-1) ?? ""), path);
  }

  #apply(fd: number, { mode, uid, gid, mtime }: TarEntry): void {
    if (this.#options.keepsOwners) fchownSync(fd, uid, gid);
    // SAFETY: a setuid program of a container must not become a program that every user can run as the host's root.
    fchmodSync(fd, this.#options.keepsOwners ? mode : mode & 0o1777);
    const seconds = mtime.seconds + mtime.nanoseconds / 1e9;
    futimesSync(fd, seconds, seconds);
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#directories[Symbol.dispose]();
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }
}

function refusal(what: string, by: string, { path }: TarEntry): Failure {
  return new Failure("invalid", `cannot overwrite ${what} with ${by} ${JSON.stringify(path)}`);
}
