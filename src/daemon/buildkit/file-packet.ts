import { Failure } from "../../base/failure.ts";
import type { TreeEntry } from "../../model/builds.ts";
import { decodeBytes, encodeBytes } from "../../spec/byte-text.ts";

/** A message of the protocol that copies trees of files (SPEC: tonistiigi/fsutil, types/wire.proto and stat.proto). */
export type FilePacket =
  /** The next entry of a walk; undefined at its end. */
  | { readonly type: "stat"; readonly entry: TreeEntry | undefined }
  /** Asks for the content of the entry with this number in the walk. */
  | { readonly type: "request"; readonly id: number }
  /** A piece of content; empty at its end. */
  | { readonly type: "data"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: "finish" }
  | { readonly type: "error"; readonly message: string };

const types = ["stat", "request", "data", "finish", "error"] as const;

/** Bounds of one entry. */
const longestPath = 4096;
const mostXattrs = 64;
const mostXattrBytes = 64 * 1024;

/** Throws "invalid" for bytes that are no packet, and for entries with more than any file system allows. */
export function decodeFilePacket(bytes: Uint8Array): FilePacket {
  const reader = new WireReader(bytes);
  let type = 0;
  let id = 0;
  let data: Uint8Array = empty;
  let entry: TreeEntry | undefined;
  while (reader.hasMore) {
    const tag = reader.number();
    if (tag === 0x08) type = reader.number();
    else if (tag === 0x12) entry = decodeEntry(reader.bytes());
    else if (tag === 0x18) id = reader.number() >>> 0;
    else if (tag === 0x22) data = reader.bytes();
    else reader.skip(tag);
  }
  const name = types[type];
  switch (name) {
    case "stat":
      return { type: name, entry };
    case "request":
      return { type: name, id };
    case "data":
      return { type: name, id, bytes: data };
    case "finish":
      return { type: name };
    case "error":
      return { type: name, message: Buffer.from(data.subarray(0, longestPath * 2)).toString() };
    case undefined:
      throw malformed(`type ${type}`);
    default:
      return name satisfies never;
  }
}

export function encodeFilePacket(packet: FilePacket): Buffer {
  const writer = new WireWriter();
  writer.number(0x08, types.indexOf(packet.type));
  switch (packet.type) {
    case "stat":
      if (packet.entry !== undefined) writer.message(0x12, encodeEntry(packet.entry));
      break;
    case "request":
      writer.number(0x18, packet.id);
      break;
    case "data":
      writer.number(0x18, packet.id);
      writer.bytes(0x22, packet.bytes);
      break;
    case "error":
      writer.bytes(0x22, Buffer.from(packet.message));
      break;
    case "finish":
      break;
    default:
      packet satisfies never;
  }
  return writer.finish();
}

function decodeEntry(bytes: Uint8Array): TreeEntry {
  const reader = new WireReader(bytes);
  const texts = { path: "", target: "" };
  const numbers = { mode: 0, uid: 0, gid: 0, size: 0, major: 0, minor: 0 };
  let modifiedNs = 0n;
  const xattrs = new Map<string, Uint8Array>();
  let xattrBytes = 0;
  while (reader.hasMore) {
    const tag = reader.number();
    if (tag === 0x0a) texts.path = reader.path();
    else if (tag === 0x10) numbers.mode = reader.number() >>> 0;
    else if (tag === 0x18) numbers.uid = reader.number() >>> 0;
    else if (tag === 0x20) numbers.gid = reader.number() >>> 0;
    else if (tag === 0x28) numbers.size = reader.number();
    else if (tag === 0x30) modifiedNs = reader.signed();
    else if (tag === 0x3a) texts.target = reader.path();
    else if (tag === 0x40) numbers.major = reader.number();
    else if (tag === 0x48) numbers.minor = reader.number();
    else if (tag === 0x52) {
      const pair = reader.bytes();
      xattrBytes += pair.length;
      const [name, value] = decodePair(pair);
      xattrs.set(name, value);
      if (xattrBytes > mostXattrBytes || xattrs.size > mostXattrs)
        throw malformed("a file with too many extended attributes");
    } else reader.skip(tag);
  }
  const mode = modeOfGo(numbers.mode);
  const isDevice = (mode & fileType) === characterDevice || (mode & fileType) === blockDevice;
  return {
    path: texts.path,
    mode,
    uid: numbers.uid,
    gid: numbers.gid,
    sizeBytes: numbers.size,
    modifiedNs,
    target: texts.target === "" ? undefined : texts.target,
    device: isDevice ? { major: numbers.major, minor: numbers.minor } : undefined,
    xattrs,
  };
}

function decodePair(bytes: Uint8Array): readonly [string, Uint8Array] {
  const reader = new WireReader(bytes);
  let name = "";
  let value: Uint8Array = empty;
  while (reader.hasMore) {
    const tag = reader.number();
    if (tag === 0x0a) name = reader.path();
    else if (tag === 0x12) value = reader.bytes();
    else reader.skip(tag);
  }
  return [name, value.slice()];
}

/** As the message `fsutil.types.Stat`, which gRPC calls give too. */
export function encodeEntry(entry: TreeEntry): Buffer {
  const writer = new WireWriter();
  writer.bytes(0x0a, encodeBytes(entry.path));
  writer.number(0x10, goOfMode(entry.mode));
  writer.number(0x18, entry.uid);
  writer.number(0x20, entry.gid);
  writer.number(0x28, entry.sizeBytes);
  writer.big(0x30, entry.modifiedNs);
  if (entry.target !== undefined) writer.bytes(0x3a, encodeBytes(entry.target));
  if (entry.device !== undefined) {
    writer.number(0x40, entry.device.major);
    writer.number(0x48, entry.device.minor);
  }
  for (const [name, value] of entry.xattrs) {
    const pair = new WireWriter();
    pair.bytes(0x0a, encodeBytes(name));
    pair.bytes(0x12, value);
    writer.message(0x52, pair.finish());
  }
  return writer.finish();
}

const fileType = 0o170000;
const characterDevice = 0o020000;
const blockDevice = 0o060000;

/** SPEC: Go, io/fs.FileMode. Of each pair the first is the kernel's. */
const typePairs: readonly (readonly [number, number])[] = [
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
  [characterDevice, 2 ** 26 + 2 ** 21],
  [blockDevice, 2 ** 26],
];
const bitPairs: readonly (readonly [number, number])[] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
];
const goTypes = 2 ** 31 + 2 ** 27 + 2 ** 26 + 2 ** 25 + 2 ** 24 + 2 ** 21 + 2 ** 19;

/** The st_mode that a mode of Go stands for. Throws "invalid" for a type that is none. */
export function modeOfGo(mode: number): number {
  const type = (mode & goTypes) >>> 0;
  const found = type === 0 ? 0o100000 : typePairs.find(([, go]) => go === type)?.[0];
  if (found === undefined) throw malformed(`a file of the type ${type.toString(16)}`);
  let bits = mode & 0o777;
  for (const [bit, go] of bitPairs) if ((mode & go) !== 0) bits |= bit;
  return found | bits;
}

export function goOfMode(mode: number): number {
  let found = (mode & 0o777) + (typePairs.find(([kernel]) => kernel === (mode & fileType))?.[1] ?? 0);
  for (const [bit, go] of bitPairs) if ((mode & bit) !== 0) found += go;
  return found;
}

const empty = new Uint8Array(0);

function malformed(what: string): Failure {
  return new Failure("invalid", `cannot read what the client sent: ${what}`);
}

/** SPEC: Protocol Buffers, "Encoding". Throws "invalid" past the end. */
class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** A varint up to 2⁵³. */
  number(): number {
    const first = this.#bytes[this.#at];
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return first;
    }
    const value = this.big();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed("a number that is too large");
    return Number(value);
  }

  big(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw malformed("a packet that is cut off");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed("a number that is too long");
  }

  signed(): bigint {
    return BigInt.asIntN(64, this.big());
  }

  bytes(): Uint8Array {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed("a packet that is cut off");
    const found = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return found;
  }

  path(): string {
    const bytes = this.bytes();
    if (bytes.length > longestPath) throw malformed("a name that is too long");
    return decodeBytes(bytes);
  }

  skip(tag: number): void {
    const type = tag & 7;
    if (type === 0) this.big();
    else if (type === 1) this.#at += 8;
    else if (type === 2) this.bytes();
    else if (type === 5) this.#at += 4;
    else throw malformed(`a field of type ${type}`);
    if (this.#at > this.#bytes.length) throw malformed("a packet that is cut off");
  }
}

/** Fields with their default are left out. */
class WireWriter {
  readonly #parts: Uint8Array[] = [];

  number(tag: number, value: number): void {
    if (value !== 0) this.#parts.push(varint(tag), varint(value));
  }

  big(tag: number, value: bigint): void {
    if (value !== 0n) this.#parts.push(varint(tag), bigVarint(BigInt.asUintN(64, value)));
  }

  bytes(tag: number, value: Uint8Array): void {
    if (value.length > 0) this.#parts.push(varint(tag), varint(value.length), value);
  }

  /** A message without fields is there, too. */
  message(tag: number, value: Uint8Array): void {
    this.#parts.push(varint(tag), varint(value.length), value);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function varint(value: number): Uint8Array {
  if (value < 0x80) return Uint8Array.of(value);
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function bigVarint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
