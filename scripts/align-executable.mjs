// `node scripts/align-executable.mjs FROM TO`: copies an executable so that the kernel maps it soon.
// Its code gets the same place within 2 MB in the file as in memory, which lets one entry of the page table map 2 MB of
// it (KERNEL: finish_fault(), mm/memory.c); and it is written in large pieces, because the kernel keeps it in such.
import { chmodSync, closeSync, openSync, readFileSync, statSync, writeSync } from "node:fs";

const hugePageBytes = 0x200000n;
const pieceBytes = 0x800000;
// SPEC: elf(5), ELF64, little endian.
const loadable = 1;
const isCode = 1;

const [from, to] = process.argv.slice(2);
const bytes = readFileSync(from);
const code = programHeaders(bytes).find(
  (at) => bytes.readUInt32LE(at) === loadable && bytes.readUInt32LE(at + 4) & isCode,
);
const start = code === undefined ? 0n : bytes.readBigUInt64LE(code + 8);
const gap = code === undefined ? 0n : gapOf(code);
if (gap > 0n) moveBehind(start, gap);
const out = openSync(to, "w", 0o755);
write(
  Buffer.concat([bytes.subarray(0, Number(start)), Buffer.alloc(Number(gap)), bytes.subarray(Number(start))]),
);
closeSync(out);
chmodSync(to, statSync(from).mode);

/** Where they are in the file. */
function programHeaders(elf) {
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1) return [];
  const first = Number(elf.readBigUInt64LE(0x20));
  return Array.from({ length: elf.readUInt16LE(0x38) }, (_, i) => first + i * elf.readUInt16LE(0x36));
}

/** How much has to come before the segment; nothing where its pages would not fit then. */
function gapOf(header) {
  const [offset, address, align] = [8, 16, 48].map((field) => bytes.readBigUInt64LE(header + field));
  const gap = (((address - offset) % hugePageBytes) + hugePageBytes) % hugePageBytes;
  return gap % align === 0n ? gap : 0n;
}

/** Adds the gap to every offset that lies behind it. */
function moveBehind(place, by) {
  const move = (at) => {
    const offset = bytes.readBigUInt64LE(at);
    if (offset >= place) bytes.writeBigUInt64LE(offset + by, at);
  };
  const sections = Number(bytes.readBigUInt64LE(0x28));
  for (let i = 0; i < bytes.readUInt16LE(0x3c); i++) move(sections + i * bytes.readUInt16LE(0x3a) + 24);
  for (const header of programHeaders(bytes)) move(header + 8);
  move(0x28);
}

function write(all) {
  for (let at = 0; at < all.length; ) at += writeSync(out, all, at, Math.min(pieceBytes, all.length - at));
}
