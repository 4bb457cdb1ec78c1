import { decodeBytes } from "../byte-text.ts";
import type { SparseFragment } from "../tar-entry.ts";
import { corrupt } from "./corrupt.ts";
import type { Header } from "./header.ts";
import { parseDecimal, parseTime } from "./numbers.ts";
import { type PaxRecord, parsePax } from "./pax.ts";
import { parseFragmentList } from "./sparse.ts";

const XATTR = "SCHILY.xattr.";
/** Longest text of a record: a longer name is refused anyway, before it costs time. */
const TEXT_BYTES_LIMIT = 1 << 16;
/**
 * Keys that are valid for all entries at once. Other keys, which no reader supports, are dropped: each would cost time
 * at each entry.
 */
const forAll: ReadonlySet<string> = new Set(["uid", "gid", "uname", "gname", "mtime"]);
/** Names and sizes of one entry make no sense for all following ones, and would hide their true names. */
const notGlobal: RegExp = /^(path|linkpath|size|GNU\.sparse\..*)$/;

/** The fields of extended headers for the next entry. */
export class Extended {
  longName: string | undefined;
  longLink: string | undefined;
  #records: readonly PaxRecord[] | undefined;
  readonly #global: Map<string, Uint8Array> = new Map();

  /** True while a header waits for the entry that it describes. */
  get isPending(): boolean {
    return this.longName !== undefined || this.longLink !== undefined || this.#records !== undefined;
  }

  take(typeFlag: string, body: Uint8Array): void {
    if (typeFlag === "L") this.longName = untilNul(body);
    else if (typeFlag === "K") this.longLink = untilNul(body);
    else if (typeFlag === "g") this.#takeGlobal(parsePax(body));
    else this.#records = parsePax(body);
  }

  /** Overwrites the header with the collected fields, and clears them. */
  merge(header: Header): Merged {
    const merged: Merged = { xattrs: new Map(), sparse: undefined };
    for (const [key, value] of this.#global) apply(header, merged, key, value);
    if (this.#records !== undefined) {
      for (const { key, value } of this.#records) apply(header, merged, key, value);
      merged.sparse = readSparse(this.#records, header);
    }
    if (this.longName !== undefined) header.path = this.longName;
    if (this.longLink !== undefined) header.linkName = this.longLink;
    this.#records = undefined;
    this.longName = undefined;
    this.longLink = undefined;
    return merged;
  }

  #takeGlobal(records: readonly PaxRecord[]): void {
    for (const { key, value } of records) {
      if (notGlobal.test(key)) throw corrupt(`a global header sets ${JSON.stringify(key)}`);
      if (value.length === 0) this.#global.delete(key);
      else if (forAll.has(key)) this.#global.set(key, value);
    }
  }
}

export interface Merged {
  readonly xattrs: Map<string, Uint8Array>;
  sparse: PaxSparse | undefined;
}

/** `fragments` is undefined when the map stands before the contents (format 1.0). */
export interface PaxSparse {
  readonly realSize: number;
  readonly fragments: SparseFragment[] | undefined;
}

function apply(header: Header, merged: Merged, key: string, value: Uint8Array): void {
  // SPEC: an empty value cancels an earlier record; the header's own field is valid.
  if (value.length === 0 && !key.startsWith(XATTR)) return;
  if (key === "path") header.path = textOf(value, key);
  else if (key === "linkpath") header.linkName = textOf(value, key);
  else if (key === "size") header.size = parseDecimal(textOf(value, key), "size");
  else if (key === "uid") header.uid = parseDecimal(textOf(value, key), "uid");
  else if (key === "gid") header.gid = parseDecimal(textOf(value, key), "gid");
  else if (key === "uname") header.userName = textOf(value, key);
  else if (key === "gname") header.groupName = textOf(value, key);
  else if (key === "mtime") header.mtime = parseTime(textOf(value, key));
  else if (key.startsWith(XATTR)) merged.xattrs.set(key.slice(XATTR.length), value);
}

function readSparse(records: readonly PaxRecord[], header: Header): PaxSparse | undefined {
  if (!records.some(({ key }) => key.startsWith("GNU.sparse."))) return undefined;
  const said = new Map<string, string>();
  const numbers: string[] = [];
  for (const { key, value } of records) {
    if (!key.startsWith("GNU.sparse.")) continue;
    const text = key === "GNU.sparse.map" ? Buffer.from(value).toString("latin1") : textOf(value, key);
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
      if ((key === "GNU.sparse.offset") !== (numbers.length % 2 === 0)) {
        throw corrupt("a sparse map's offsets and lengths do not alternate");
      }
      numbers.push(text);
    } else {
      said.set(key.slice("GNU.sparse.".length), text);
    }
  }
  const name = said.get("name");
  if (name !== undefined && name !== "") header.path = name;
  const realSize = said.get("realsize") ?? said.get("size");
  if (realSize === undefined) return undefined;
  return { realSize: parseDecimal(realSize, "the real size"), fragments: readFragments(said, numbers) };
}

function readFragments(
  said: ReadonlyMap<string, string>,
  numbers: readonly string[],
): SparseFragment[] | undefined {
  const map = said.get("map");
  const major = said.get("major") ?? "0";
  if (major === "1") {
    if ((said.get("minor") ?? "0") !== "0") throw corrupt("the sparse format is unknown");
    return undefined;
  }
  if (major !== "0") throw corrupt("the sparse format is unknown");
  return parseFragmentList(map !== undefined ? map.split(",") : numbers);
}

function textOf(value: Uint8Array, key: string): string {
  if (value.length > TEXT_BYTES_LIMIT) throw corrupt(`the PAX record ${JSON.stringify(key)} is too long`);
  if (value.includes(0)) throw corrupt(`the PAX record ${JSON.stringify(key)} has a NUL byte`);
  return decodeBytes(value);
}

function untilNul(body: Uint8Array): string {
  const end = body.indexOf(0);
  const name = end < 0 ? body : body.subarray(0, end);
  if (name.length > TEXT_BYTES_LIMIT) throw corrupt(`a name has ${name.length} bytes`);
  return decodeBytes(name);
}
