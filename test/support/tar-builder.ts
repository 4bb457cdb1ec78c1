import { encodeBytes } from "../../src/spec/byte-text.ts";
import { TarReader } from "../../src/spec/tar.ts";
import type { TarEntry, TarEvent } from "../../src/spec/tar-entry.ts";

/** The raw fields of a header block; each may be any text, and `fields` overwrites bytes as the test likes. */
export interface RawHeader {
  readonly name?: string | Uint8Array;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly mtime?: number;
  readonly flag?: string;
  readonly link?: string | Uint8Array;
  readonly magic?: string;
  readonly prefix?: string;
  readonly major?: number;
  readonly minor?: number;
  /** Bytes put at an offset after all fields, before the checksum. */
  readonly fields?: readonly (readonly [number, string | Uint8Array])[];
  readonly checksum?: string;
}

/** Builds archives that no honest program writes. Each method adds one part and gives the builder back. */
export class TarBuilder {
  readonly #parts: Uint8Array[] = [];

  header(raw: RawHeader): this {
    const block = Buffer.alloc(512);
    const put = (at: number, value: string | Uint8Array): void => {
      block.set(typeof value === "string" ? encodeBytes(value) : value, at);
    };
    const octal = (at: number, length: number, value: number): void => {
      put(at, value.toString(8).padStart(length - 1, "0"));
    };
    put(0, raw.name ?? "");
    octal(100, 8, raw.mode ?? 0o644);
    octal(108, 8, raw.uid ?? 0);
    octal(116, 8, raw.gid ?? 0);
    octal(124, 12, raw.size ?? 0);
    octal(136, 12, raw.mtime ?? 0);
    put(156, raw.flag ?? "0");
    put(157, raw.link ?? "");
    put(257, raw.magic ?? "ustar\x0000");
    octal(329, 8, raw.major ?? 0);
    octal(337, 8, raw.minor ?? 0);
    put(345, raw.prefix ?? "");
    for (const [at, value] of raw.fields ?? []) put(at, value);
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    put(148, raw.checksum ?? `${sum.toString(8).padStart(6, "0")}\0 `);
    return this.raw(block);
  }

  /** Any bytes, filled up to a whole block. */
  raw(bytes: Uint8Array | string): this {
    const given = typeof bytes === "string" ? encodeBytes(bytes) : bytes;
    const padded = new Uint8Array(Math.ceil(given.length / 512) * 512);
    padded.set(given);
    this.#parts.push(padded);
    return this;
  }

  file(name: string, contents = "", raw: RawHeader = {}): this {
    const bytes = encodeBytes(contents);
    return this.header({ name, size: bytes.length, ...raw }).raw(bytes);
  }

  directory(name: string, raw: RawHeader = {}): this {
    return this.header({ name, flag: "5", mode: 0o755, ...raw });
  }

  symlink(name: string, link: string, raw: RawHeader = {}): this {
    return this.header({ name, link, flag: "2", mode: 0o777, ...raw });
  }

  hardlink(name: string, link: string, raw: RawHeader = {}): this {
    return this.header({ name, link, flag: "1", ...raw });
  }

  /** An extended header of the given records, with right lengths. */
  pax(records: Readonly<Record<string, string>>, flag = "x"): this {
    const body = Object.entries(records)
      .map(([key, value]) => paxRecord(key, value))
      .join("");
    return this.paxBody(body, flag);
  }

  paxBody(body: string, flag = "x"): this {
    return this.header({ name: "PaxHeaders/x", flag, size: encodeBytes(body).length }).raw(body);
  }

  long(name: string, flag: "L" | "K" = "L"): this {
    const body = `${name}\0`;
    return this.header({
      name: "././@LongLink",
      flag,
      size: encodeBytes(body).length,
      magic: "ustar  \0",
    }).raw(body);
  }

  /** The whole archive, with the end mark. */
  end(): Uint8Array {
    return Buffer.concat([...this.#parts, new Uint8Array(1024)]);
  }

  /** The archive without its end mark. */
  cut(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

export function paxRecord(key: string, value: string): string {
  const rest = encodeBytes(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** An entry with its contents, holes filled with zeros. */
export interface ReadMember {
  readonly entry: TarEntry;
  readonly contents: Uint8Array;
}

/** Reads a whole archive that is given in pieces of so many bytes. */
export function readTar(archive: Uint8Array, pieceBytes: number = archive.length): ReadMember[] {
  const reader = new TarReader();
  const members: { entry: TarEntry; contents: Uint8Array }[] = [];
  const take = (event: TarEvent): void => {
    if (event.kind === "entry") {
      members.push({
        entry: event.entry,
        contents: new Uint8Array(event.entry.type === "file" ? event.entry.size : 0),
      });
    } else if (event.kind === "data" && members.at(-1)?.entry.type === "file") {
      members.at(-1)?.contents.set(event.bytes, event.offset);
    }
  };
  for (let at = 0; at < archive.length; at += pieceBytes) {
    for (const event of reader.push(archive.subarray(at, at + pieceBytes))) take(event);
  }
  reader.end();
  return members;
}

export async function* inChunks(bytes: Uint8Array, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
