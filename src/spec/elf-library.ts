/** A shared library, as far as the dynamic linker's cache has it. */
export interface ElfLibrary {
  /** DT_SONAME, or undefined. */
  readonly soname: string | undefined;
  /** The flags of its entry in the cache. */
  readonly cacheFlags: number;
}

/** Reads so many bytes at an offset; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Buffer;

/** SPEC: glibc, sysdeps/generic/ldconfig.h; elf(5), e_machine. */
const cacheFlags: Readonly<Record<string, number>> = {
  "64/62": 0x303, // x86_64
  "64/183": 0xa03, // arm64
  "32/3": 0x003, // i386
};
const dynamic = { load: 1, dynamic: 2, strtab: 5, soname: 14 };
const mostSegments = 64;
const mostDynamicBytes = 64 * 1024;

/** Undefined: it is no little-endian library of a known architecture. SPEC: elf(5). Pure, but for `read`. */
export function findElfLibrary(read: ReadAt): ElfLibrary | undefined {
  const head = read(0, 64);
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46 || head[5] !== 1) return undefined;
  const is64 = head[4] === 2;
  if (head.readUInt16LE(16) !== 3 || (is64 && head.length < 64)) return undefined;
  const flags = cacheFlags[`${is64 ? 64 : 32}/${head.readUInt16LE(18)}`];
  if (flags === undefined) return undefined;
  const word = (bytes: Buffer, at: number): number =>
    is64 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at);
  const size = head.readUInt16LE(is64 ? 54 : 42);
  const count = Math.min(head.readUInt16LE(is64 ? 56 : 44), mostSegments);
  const least = is64 ? 56 : 32;
  if (size < least) return undefined;
  const table = read(word(head, is64 ? 32 : 28), size * count);
  const segments = Array.from({ length: Math.floor(table.length / size) }, (_, i) => {
    const at = i * size;
    return {
      type: table.readUInt32LE(at),
      offset: word(table, at + (is64 ? 8 : 4)),
      address: word(table, at + (is64 ? 16 : 8)),
      bytes: word(table, at + (is64 ? 32 : 16)),
    };
  });
  const found = segments.find(({ type }) => type === dynamic.dynamic);
  if (found === undefined) return undefined;
  const entries = read(found.offset, Math.min(found.bytes, mostDynamicBytes));
  const step = is64 ? 16 : 8;
  let name: number | undefined;
  let strings: number | undefined;
  for (let at = 0; at + step <= entries.length; at += step) {
    const tag = word(entries, at);
    if (tag === 0) break;
    if (tag === dynamic.soname) name = word(entries, at + step / 2);
    if (tag === dynamic.strtab) strings = word(entries, at + step / 2);
  }
  if (name === undefined || strings === undefined) return { soname: undefined, cacheFlags: flags };
  const [address, offset] = [strings, name];
  const holder = segments.find(
    (each) => each.type === dynamic.load && address >= each.address && address < each.address + each.bytes,
  );
  if (holder === undefined) return undefined;
  const text = read(address - holder.address + holder.offset + offset, 256);
  const end = text.indexOf(0);
  return { soname: end > 0 ? text.toString("latin1", 0, end) : undefined, cacheFlags: flags };
}
