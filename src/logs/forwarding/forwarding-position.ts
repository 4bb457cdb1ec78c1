import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import type { AssemblerState } from "../records/line-assembler.ts";
import { fileHeaderBytes } from "../records/log-file.ts";
import type { OpenPartial, PartialState } from "../drivers/partial-tracker.ts";

/** How far a log has been sent. */
export interface ForwardingPosition {
  /** Of the log file that is read. */
  readonly sequence: bigint;
  /** In that file: everything before it has been sent, but for the open lines. */
  readonly offset: number;
  /** Lines that have begun before it, and not ended. */
  readonly open: AssemblerState["open"];
  readonly partial: PartialState;
  /** Entries after it that have been sent: reading on from it gives the same entries again. */
  readonly entries: number;
  /** Messages in all. */
  readonly sent: number;
  /** Bytes of the log that were never sent. */
  readonly droppedBytes: number;
  /** The container does not run, and all has been sent. */
  readonly isComplete: boolean;
}

export const firstPosition: ForwardingPosition = {
  sequence: 1n,
  offset: fileHeaderBytes,
  open: [],
  partial: [undefined, undefined],
  entries: 0,
  sent: 0,
  droppedBytes: 0,
  isComplete: false,
};

const magic = "TAREFWD1";
const headBytes = 64;
const lineBytes = 32;
const fixedBytes = headBytes + 2 * lineBytes;

/** The file of a position: a kill at any moment leaves the old one or the new one. */
export class PositionFile implements Disposable {
  readonly #path: string;
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** In place where only numbers change, otherwise as a new file. */
  write(position: ForwardingPosition): void {
    const bytes = encodePosition(position);
    if (bytes.length === fixedBytes && this.#fd !== undefined) {
      // SAFETY: one write inside a page: the kernel completes it when the process is killed.
      writeSync(this.#fd, bytes, 0, bytes.length, 0);
      return;
    }
    const draft = `${this.#path}.next`;
    writeFileSync(draft, bytes, { mode: 0o600 });
    renameSync(draft, this.#path);
    this.#close();
    if (bytes.length === fixedBytes) this.#fd = openSync(this.#path, "r+");
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Undefined for a file that is absent or that holds no position. */
export function findPosition(path: string): ForwardingPosition | undefined {
  try {
    return decodePosition(readFileSync(path));
  } catch {
    return undefined;
  }
}

export function encodePosition(position: ForwardingPosition): Buffer {
  const fixed = Buffer.alloc(fixedBytes);
  fixed.write(magic, 0, "latin1");
  fixed.writeBigUInt64LE(position.sequence, 8);
  const numbers = [position.offset, position.entries, position.sent, position.droppedBytes];
  numbers.forEach((number, index) => fixed.writeBigUInt64LE(BigInt(Math.trunc(number)), 16 + index * 8));
  fixed.writeUInt8(position.isComplete ? 1 : 0, 48);
  const lines = [0, 1].map((index) => {
    const at = headBytes + index * lineBytes;
    const line = position.open[index];
    const partial = position.partial[index];
    fixed.writeUInt32LE(line?.bytes.length ?? 0, at);
    fixed.writeUInt32LE(partial?.ordinal ?? 0, at + 4);
    fixed.writeBigUInt64LE(line?.timeNs ?? 0n, at + 8);
    fixed.writeBigUInt64LE(partial?.timeNs ?? 0n, at + 16);
    return line?.bytes ?? new Uint8Array();
  });
  return Buffer.concat([fixed, ...lines]);
}

export function decodePosition(bytes: Buffer): ForwardingPosition | undefined {
  if (bytes.length < fixedBytes || bytes.toString("latin1", 0, 8) !== magic) return undefined;
  const number = (index: number): number => Number(bytes.readBigUInt64LE(16 + index * 8));
  const open: { readonly bytes: Uint8Array; readonly timeNs: bigint }[] = [];
  const partial: (OpenPartial | undefined)[] = [];
  let from = fixedBytes;
  for (const index of [0, 1]) {
    const at = headBytes + index * lineBytes;
    const length = bytes.readUInt32LE(at);
    const ordinal = bytes.readUInt32LE(at + 4);
    if (from + length > bytes.length) return undefined;
    open.push({ bytes: bytes.subarray(from, from + length), timeNs: bytes.readBigUInt64LE(at + 8) });
    partial.push(ordinal === 0 ? undefined : { ordinal, timeNs: bytes.readBigUInt64LE(at + 16) });
    from += length;
  }
  return {
    sequence: bytes.readBigUInt64LE(8),
    offset: number(0),
    open: open.some((line) => line.bytes.length > 0) ? open : [],
    partial: [partial[0], partial[1]],
    entries: number(1),
    sent: number(2),
    droppedBytes: number(3),
    isComplete: bytes.readUInt8(48) === 1,
  };
}
