import { closeSync, openSync, readSync } from "node:fs";
import { codeOf } from "../../linux/files/file-failure.ts";
import { logSuffix } from "./join-log.ts";

// SPEC: https://www.sqlite.org/fileformat2.html, sections 1.3 and 4.1
const databaseHeaderBytes = 100;
const userVersionAt = 60;
const logHeaderBytes = 32;
const frameHeaderBytes = 24;
const logMagic = 0x377f_0682;

/**
 * The `user_version` of a database that no process has open, without opening it: SQLite would replay the write-ahead
 * log and write both files at the end. The last committed page 1 of the log counts, else that of the file. Undefined
 * when there is no database, or the file is not in SQLite's format.
 */
export function findSchemaVersion(path: string): number | undefined {
  return findInLog(`${path}${logSuffix}`) ?? findInFile(path);
}

function findInFile(path: string): number | undefined {
  const fd = openIfPresent(path);
  if (fd === undefined) return undefined;
  try {
    const header = Buffer.alloc(databaseHeaderBytes);
    if (readSync(fd, header, 0, header.length, 0) < header.length) return undefined;
    return header.toString("latin1", 0, 16) === "SQLite format 3\0"
      ? header.readInt32BE(userVersionAt)
      : undefined;
  } finally {
    closeSync(fd);
  }
}

/**
 * Of the last transaction that is whole: frames behind it belong to one that was never committed, or to an older log.
 */
function findInLog(path: string): number | undefined {
  const fd = openIfPresent(path);
  if (fd === undefined) return undefined;
  try {
    const header = Buffer.alloc(logHeaderBytes);
    if (readSync(fd, header, 0, header.length, 0) < header.length) return undefined;
    const magic = header.readUInt32BE(0);
    const pageBytes = header.readUInt32BE(8);
    const isValid = (magic & ~1) === logMagic && pageBytes >= 512 && pageBytes <= 65_536;
    if (!isValid) return undefined;
    const sum = new LogChecksum((magic & 1) === 1);
    sum.add(header.subarray(0, 24));
    if (!sum.equals(header.subarray(24))) return undefined;
    let written: number | undefined;
    let committed: number | undefined;
    const frame = Buffer.alloc(frameHeaderBytes + pageBytes);
    for (
      let at = logHeaderBytes;
      readSync(fd, frame, 0, frame.length, at) === frame.length;
      at += frame.length
    ) {
      const isOfThisLog = frame.subarray(8, 16).equals(header.subarray(16, 24));
      sum.add(frame.subarray(0, 8));
      sum.add(frame.subarray(frameHeaderBytes));
      if (!isOfThisLog || !sum.equals(frame.subarray(16, 24))) break;
      if (frame.readUInt32BE(0) === 1) written = frame.readInt32BE(frameHeaderBytes + userVersionAt);
      if (frame.readUInt32BE(4) !== 0) committed = written;
    }
    return committed;
  } finally {
    closeSync(fd);
  }
}

/** Two sums over words of 32 bits, each of which goes into the other. */
class LogChecksum {
  readonly #isBigEndian: boolean;
  #first = 0;
  #second = 0;

  constructor(isBigEndian: boolean) {
    this.#isBigEndian = isBigEndian;
  }

  add(bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 8) {
      this.#first = (this.#first + view.getUint32(at, !this.#isBigEndian) + this.#second) >>> 0;
      this.#second = (this.#second + view.getUint32(at + 4, !this.#isBigEndian) + this.#first) >>> 0;
    }
  }

  equals(stored: Buffer): boolean {
    return stored.readUInt32BE(0) === this.#first && stored.readUInt32BE(4) === this.#second;
  }
}

function openIfPresent(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}
