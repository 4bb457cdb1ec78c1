/** An entry of the dynamic linker's cache. SPEC: glibc, sysdeps/generic/dl-cache.h, struct file_entry_new. */
export interface LdCacheEntry {
  /** Kind and architecture of the library. */
  readonly flags: number;
  /** `libc.so.6` */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

const magic = "glibc-ld.so.cache1.1";
const headBytes = 48;
const entryBytes = 24;
const oldMagic = "ld.so-1.7.0";
const oldHeadBytes = 16;
const oldEntryBytes = 12;
const littleEndian = 2;
const mostEntries = 65_536;

/**
 * The entries of a cache, without variants for certain processors, which have a general one, too. Undefined: it is no
 * cache of version 1.1, or contradicts itself. Pure; for hostile data.
 */
export function parseLdCache(cache: Uint8Array): readonly LdCacheEntry[] | undefined {
  const bytes = Buffer.from(cache.buffer, cache.byteOffset, cache.byteLength);
  const start = findStart(bytes);
  if (start === undefined || bytes.length < start + headBytes) return undefined;
  if (bytes.toString("latin1", start, start + magic.length) !== magic) return undefined;
  const count = bytes.readUInt32LE(start + 20);
  if (count > mostEntries || bytes.length < start + headBytes + count * entryBytes) return undefined;
  const textAt = (offset: number): string | undefined => {
    const from = start + offset;
    const end = bytes.indexOf(0, from);
    return from >= bytes.length || end < 0 || end - from > 4096
      ? undefined
      : bytes.toString("latin1", from, end);
  };
  const entries: LdCacheEntry[] = [];
  for (let at = start + headBytes, i = 0; i < count; i++, at += entryBytes) {
    const name = textAt(bytes.readUInt32LE(at + 4));
    const path = textAt(bytes.readUInt32LE(at + 8));
    if (name === undefined || path === undefined) return undefined;
    if (bytes.readBigUInt64LE(at + 16) === 0n) entries.push({ flags: bytes.readInt32LE(at), name, path });
  }
  return entries;
}

/** Behind a part in the old format, which older versions of ldconfig write first. */
function findStart(bytes: Buffer): number | undefined {
  if (bytes.toString("latin1", 0, oldMagic.length) !== oldMagic) return 0;
  if (bytes.length < oldHeadBytes) return undefined;
  const end = oldHeadBytes + bytes.readUInt32LE(12) * oldEntryBytes;
  return Math.ceil(end / 8) * 8;
}

/** A cache with these entries; of entries with one name the first counts. Pure. */
export function formatLdCache(entries: readonly LdCacheEntry[]): Uint8Array {
  const sorted = entries.toSorted((one, other) => compareLibraries(other.name, one.name));
  const strings: Buffer[] = [];
  let offset = headBytes + sorted.length * entryBytes;
  const place = (text: string): number => {
    const bytes = Buffer.from(`${text}\0`, "latin1");
    const at = offset;
    strings.push(bytes);
    offset += bytes.length;
    return at;
  };
  const head = Buffer.alloc(offset);
  for (const [i, { flags, name, path }] of sorted.entries()) {
    const at = headBytes + i * entryBytes;
    head.writeInt32LE(flags, at);
    head.writeUInt32LE(place(name), at + 4);
    head.writeUInt32LE(place(path), at + 8);
  }
  head.write(magic, 0, "latin1");
  head.writeUInt32LE(sorted.length, 20);
  head.writeUInt32LE(offset - head.length, 24);
  head.writeUInt8(littleEndian, 28);
  return Buffer.concat([head, ...strings]);
}

/** The order that the dynamic linker searches in. SPEC: glibc, elf/dl-cache.c, _dl_cache_libcmp(). */
export function compareLibraries(one: string, other: string): number {
  const first = partsOf(one);
  const second = partsOf(other);
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    const a = first[i] ?? "";
    const b = second[i] ?? "";
    if (a === b) continue;
    const areNumbers = isDigit(a) && isDigit(b);
    if (!areNumbers) return isDigit(a) ? 1 : isDigit(b) ? -1 : codeOf(a) - codeOf(b);
    if (Number(a) !== Number(b)) return Number(a) - Number(b);
  }
  return 0;
}

/** Runs of digits, and single characters. */
function partsOf(text: string): readonly string[] {
  return text.match(/\d+|\D/g) ?? [];
}

function isDigit(text: string): boolean {
  return /^\d/.test(text);
}

function codeOf(text: string): number {
  return text === "" ? 0 : text.charCodeAt(0);
}
