import { decodeBytes } from "../../spec/byte-text.ts";
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../constants/open.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import type { FileKind } from "./stat.ts";
import { kindOfMode } from "./stat.ts";
import { call } from "../kernel/syscall.ts";

export interface DirectoryEntry {
  /** Never "." or ".."; bytes that are no UTF-8 are escaped as in spec/byte-text.ts. */
  readonly name: string;
  /** "unknown" on file systems that do not report it: use statAt(). */
  readonly kind: FileKind | "unknown";
}

const SEEK_SET = 0;
const DT_UNKNOWN = 0;

// SAFETY: filled and decoded within one synchronous call, so one buffer serves all.
const buffer: Uint8Array = new Uint8Array(65_536);
const view: DataView = new DataView(buffer.buffer);

/**
 * The next entries of an open directory, in the file system's order; empty at its end. getdents64(2).
 * Entries that are added or removed meanwhile may or may not be among them.
 */
export function readEntries(directory: Fd): DirectoryEntry[] {
  for (;;) {
    const length = call("getdents64", directory, buffer, buffer.length);
    if (length === 0) return [];
    const entries = parseEntries(length);
    if (entries.length > 0) return entries;
  }
}

/** Lets readEntries() begin again. */
export function rewindDirectory(directory: Fd): void {
  call("lseek", directory, 0, SEEK_SET);
}

/** All entries of a directory, whose descriptor may be O_PATH; in no order. */
export function listDirectory(directory: Fd): DirectoryEntry[] {
  using readable = new OwnedFd(call("openat", directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const all: DirectoryEntry[] = [];
  for (;;) {
    const entries = readEntries(readable.fd);
    if (entries.length === 0) return all;
    for (const entry of entries) all.push(entry);
  }
}

/**
 * Whether the file system reports the types of entries (d_type): it does so of "." as well, which each directory has.
 */
export function hasEntryTypes(directory: Fd): boolean {
  using readable = new OwnedFd(call("openat", directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return call("getdents64", readable.fd, buffer, buffer.length) > 18 && view.getUint8(18) !== DT_UNKNOWN;
}

// SPEC: struct linux_dirent64 { u64 ino; s64 offset; u16 length; u8 type; char name[]; }
function parseEntries(length: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < length; ) {
    const recordLength = view.getUint16(at + 16, true);
    const type = view.getUint8(at + 18);
    const end = buffer.indexOf(0, at + 19);
    const name = decodeBytes(buffer.subarray(at + 19, end));
    // The DT_ numbers are the type bits of st_mode, shifted.
    const kind = type === DT_UNKNOWN ? "unknown" : kindOfMode(type << 12);
    if (name !== "." && name !== "..") entries.push({ name, kind });
    at += recordLength;
  }
  return entries;
}
