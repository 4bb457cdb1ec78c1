import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { TreeEntry } from "../../model/builds.ts";
import { encodeBytes } from "../../spec/byte-text.ts";

/**
 * The entries of a received context in the order of its walk, a line each, with what tells two versions of an entry
 * apart. It is read and written in pieces: a context may have a million entries.
 */
export interface IndexedEntry {
  readonly path: string;
  /** Equal for entries with the same metadata. */
  readonly facts: string;
  readonly isDirectory: boolean;
}

const pieceBytes = 64 * 1024;
const newline = 10;
const fileType = 0o170000;
const directoryType = 0o040000;

export function indexedOf(entry: TreeEntry): IndexedEntry {
  const { mode, uid, gid, sizeBytes, modifiedNs, target = "", device, xattrs } = entry;
  const isDirectory = (mode & fileType) === directoryType;
  const attributes = [...xattrs]
    .map(([name, value]) => [name, Buffer.from(value).toString("base64")])
    .sort(([left = ""], [right = ""]) => (left < right ? -1 : 1));
  const facts = [
    mode,
    uid,
    gid,
    isDirectory ? 0 : sizeBytes,
    String(modifiedNs),
    target,
    device === undefined ? 0 : [device.major, device.minor],
    attributes.length === 0 ? 0 : attributes,
  ];
  return { path: entry.path, facts: JSON.stringify(facts), isDirectory };
}

/** Reads an index from its start. A line that is cut off or damaged ends it: what follows counts as absent. */
export function* readIndex(path: string): Generator<IndexedEntry, void, undefined> {
  const file = openSync(path, "r");
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const piece = Buffer.allocUnsafe(pieceBytes);
      const length = readSync(file, piece);
      if (length === 0) return;
      rest = Buffer.concat([rest, piece.subarray(0, length)]);
      let from = 0;
      for (let end = rest.indexOf(newline, from); end >= 0; end = rest.indexOf(newline, from)) {
        const entry = parseLine(rest.toString("utf8", from, end));
        if (entry === undefined) return;
        yield entry;
        from = end + 1;
      }
      rest = rest.subarray(from);
    }
  } finally {
    closeSync(file);
  }
}

function parseLine(line: string): IndexedEntry | undefined {
  const [kind, path, facts, ...more] = line.split("\t");
  if (kind === undefined || path === undefined || facts === undefined || more.length > 0) return undefined;
  try {
    const name: unknown = JSON.parse(path);
    return typeof name === "string" ? { path: name, facts, isDirectory: kind === "d" } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes an index; JSON has no tabs or line ends of its own, and keeps lone surrogates. */
export class IndexWriter implements Disposable {
  readonly #file: number;
  #lines: string[] = [];
  #length = 0;

  constructor(path: string) {
    this.#file = openSync(path, "w", 0o600);
  }

  add({ path, facts, isDirectory }: IndexedEntry): void {
    const line = `${isDirectory ? "d" : "-"}\t${JSON.stringify(path)}\t${facts}\n`;
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= pieceBytes) this.flush();
  }

  flush(): void {
    if (this.#length > 0) writeSync(this.#file, this.#lines.join(""));
    this.#lines = [];
    this.#length = 0;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

/** The order of a walk: a directory before its content, siblings by the bytes of their names. */
export function compareWalk(left: string, right: string): number {
  const one = left.split("/");
  const other = right.split("/");
  for (let at = 0; at < one.length && at < other.length; at++) {
    const [a, b] = [one[at] ?? "", other[at] ?? ""];
    if (a !== b) return compareNames(a, b);
  }
  return one.length - other.length;
}

/** By the bytes of their UTF-8: UTF-16 has another order beyond the first plane. */
export function compareNames(left: string, right: string): number {
  if (isAscii.test(left) && isAscii.test(right)) return left < right ? -1 : left > right ? 1 : 0;
  return Buffer.compare(encodeBytes(left), encodeBytes(right));
}

const isAscii = /^[\0-\x7f]*$/;
