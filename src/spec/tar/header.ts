import { decodeBytes } from "../byte-text.ts";
import { TAR_BLOCK_BYTES, type TarType } from "../tar-entry.ts";
import { corrupt } from "./corrupt.ts";
import { parseNumber } from "./numbers.ts";

/** A header block by itself, before extended headers are merged in. */
export interface Header {
  path: string;
  readonly typeFlag: string;
  readonly mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: { seconds: number; nanoseconds: number };
  linkName: string;
  userName: string;
  groupName: string;
  readonly major: number;
  readonly minor: number;
}

type Dialect = "v7" | "ustar" | "star" | "gnu";

const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;

/** True when the block at `at` holds nothing but zeros: the mark at the end of an archive. */
export function isZeroBlock(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 0) return false;
  for (let index = at; index < at + TAR_BLOCK_BYTES; index++) if (bytes[index] !== 0) return false;
  return true;
}

/** The header block at `at`: V7, ustar, star or GNU. Throws "corrupt", first of all when its checksum is wrong. */
export function parseHeader(bytes: Uint8Array, at: number): Header {
  checkSum(bytes, at);
  const dialect = parseDialect(bytes, at);
  const name = parseText(bytes, at, 100);
  const prefixBytes = dialect === "ustar" ? 155 : dialect === "star" ? 131 : 0;
  const prefix = prefixBytes === 0 ? "" : parseText(bytes, at + 345, prefixBytes);
  const flag = bytes[at + 156] ?? 0;
  return {
    path: prefix === "" ? name : `${prefix}/${name}`,
    typeFlag: flag === 0 ? "\0" : String.fromCharCode(flag),
    mode: parseNumber(bytes, at + 100, 8, "mode") & 0o7777,
    uid: parseNumber(bytes, at + 108, 8, "uid"),
    gid: parseNumber(bytes, at + 116, 8, "gid"),
    size: parseNumber(bytes, at + 124, 12, "size"),
    mtime: { seconds: parseNumber(bytes, at + 136, 12, "mtime"), nanoseconds: 0 },
    linkName: parseText(bytes, at + 157, 100),
    userName: dialect === "v7" ? "" : parseText(bytes, at + 265, 32),
    groupName: dialect === "v7" ? "" : parseText(bytes, at + 297, 32),
    major: dialect === "v7" ? 0 : parseNumber(bytes, at + 329, 8, "devmajor"),
    minor: dialect === "v7" ? 0 : parseNumber(bytes, at + 337, 8, "devminor"),
  };
}

const types: ReadonlyMap<string, TarType> = new Map<string, TarType>([
  ["\0", "file"],
  ["0", "file"],
  ["7", "file"],
  ["S", "file"],
  ["1", "hardlink"],
  ["2", "symlink"],
  ["3", "character"],
  ["4", "block"],
  ["5", "directory"],
  ["6", "fifo"],
]);

/** V7 had no flag for directories: there a slash ends the name of a directory. */
export function typeOf(typeFlag: string, path: string): TarType {
  if (typeFlag === "\0" && path.endsWith("/")) return "directory";
  return types.get(typeFlag) ?? "unknown";
}

function checkSum(bytes: Uint8Array, at: number): void {
  let unsigned = 0;
  let high = 0;
  const end = at + TAR_BLOCK_BYTES;
  for (let index = at; index < end; index++) {
    const byte = bytes[index] ?? 0;
    unsigned += byte;
    high += byte >> 7;
  }
  for (let index = at + CHECKSUM_AT; index < at + CHECKSUM_END; index++) {
    const byte = bytes[index] ?? 0;
    unsigned += 0x20 - byte;
    high -= byte >> 7;
  }
  const stated = parseNumber(bytes, at + CHECKSUM_AT, 8, "checksum");
  // Some old programs summed signed characters.
  if (stated !== unsigned && stated !== unsigned - 256 * high)
    throw corrupt("the checksum of a header is wrong");
}

const USTAR: Uint8Array = Buffer.from("ustar\0", "latin1");
const GNU: Uint8Array = Buffer.from("ustar  \0", "latin1");
const STAR: Uint8Array = Buffer.from("tar\0", "latin1");

function parseDialect(bytes: Uint8Array, at: number): Dialect {
  if (has(bytes, at + 257, USTAR)) return has(bytes, at + 508, STAR) ? "star" : "ustar";
  return has(bytes, at + 257, GNU) ? "gnu" : "v7";
}

function has(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  return wanted.every((byte, index) => bytes[at + index] === byte);
}

/** The text of a field, up to its first NUL. */
function parseText(bytes: Uint8Array, from: number, length: number): string {
  if (bytes[from] === 0) return "";
  let end = from;
  while (end < from + length && bytes[end] !== 0) end++;
  return decodeBytes(bytes.subarray(from, end));
}
