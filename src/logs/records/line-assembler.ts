import { required } from "../../base/required.ts";
import type { LogEntry } from "../log-entry.ts";
import { mostRecordBytes, recordHeaderBytes } from "./log-file.ts";

/** Docker splits longer lines into chunks of this size. */
export const mostLineBytes: number = 16 * 1024;
const newline = 10;
const streams = ["stdout", "stderr"] as const;

export interface LineFilter {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  readonly startsNs: readonly bigint[];
}

/** A line that has begun. */
interface OpenLine {
  pieces: Uint8Array[];
  length: number;
  timeNs: bigint;
}

/** The state of an assembler between two records; holds copies, no large buffers. */
export interface AssemblerState {
  readonly count: number;
  readonly open: readonly { readonly bytes: Uint8Array; readonly timeNs: bigint }[];
  /** Streams with an open line whose beginning is unknown; the line began at `timeNs` at the latest. Absent: none. */
  readonly cut?: { readonly stdout: boolean; readonly stderr: boolean; readonly timeNs: bigint };
}

/** Joins the records of both streams to lines. Those up to number `skip` are counted only. */
export class LineAssembler {
  /** Entries that were complete so far, the skipped ones too. */
  count = 0;
  /** A record later than the filter's end was seen: nothing that matters comes any more. */
  isPast = false;
  readonly #filter: LineFilter;
  readonly #skip: number;
  readonly #open: readonly [OpenLine, OpenLine];
  /** Streams whose bytes up to the next line end belong to a line that is cut off. */
  readonly #isCut: [boolean, boolean];
  readonly #cutNs: bigint;
  /** Entries that were counted while a stream was cut off; undefined while one is. */
  #uncertain: number | undefined;
  #entries: LogEntry[] = [];

  constructor(filter: LineFilter, skip: number, state?: AssemblerState) {
    this.#filter = filter;
    this.#skip = skip;
    this.count = state?.count ?? 0;
    this.#open = [openLine(state?.open[0]), openLine(state?.open[1])];
    const { stdout = false, stderr = false, timeNs = 0n } = state?.cut ?? {};
    this.#isCut = [stdout && filter.stdout, stderr && filter.stderr];
    this.#cutNs = timeNs;
    this.#updateUncertain();
  }

  /** The last so many of the counted entries do not depend on where the reading began; undefined: not even the next. */
  get certainCount(): number | undefined {
    return this.#uncertain === undefined ? undefined : this.count - this.#uncertain;
  }

  /** The entries that became complete since the last call. */
  take(): LogEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** Ends the lines that have no end. */
  flush(): void {
    for (const index of [0, 1] as const) if (this.#open[index].length > 0) this.#close(index);
  }

  state(): AssemblerState {
    return {
      count: this.count,
      open: this.#open.map(({ pieces, timeNs }) => ({ bytes: Buffer.concat(pieces), timeNs })),
    };
  }

  /**
   * Takes the whole records at the beginning of `chunk`, which has to stay unchanged. Returns the bytes used, and
   * "corrupt" when what follows is no record.
   */
  push(chunk: Buffer): { readonly used: number; readonly corrupt: boolean } {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    let at = 0;
    let lineEnd = -1; // the next newline byte at or after what was looked at, so that each byte is searched once
    while (chunk.length - at >= recordHeaderBytes) {
      const length = view.getUint32(at, true);
      const stream = view.getUint8(at + 4);
      if (length === 0 || length > mostRecordBytes || (stream !== 1 && stream !== 2)) {
        return { used: at, corrupt: true };
      }
      const end = at + recordHeaderBytes + length;
      if (end > chunk.length) break;
      const timeNs = view.getBigUint64(at + 8, true);
      if (this.#filter.untilNs !== undefined && timeNs > this.#filter.untilNs) {
        this.isPast = true;
        return { used: at, corrupt: false };
      }
      this.#breakAtStart(timeNs);
      let from = at + recordHeaderBytes;
      const index = stream === 1 ? 0 : 1;
      if (this.#filter[streams[index]]) {
        while (from < end) {
          if (lineEnd < from) {
            lineEnd = chunk.indexOf(newline, from);
            if (lineEnd < 0) lineEnd = chunk.length;
          }
          const to = lineEnd < end ? lineEnd + 1 : end;
          this.#add(index, { chunk, from, to, timeNs, isComplete: lineEnd < end });
          from = to;
        }
      }
      at = end;
    }
    return { used: at, corrupt: false };
  }

  #add(
    index: 0 | 1,
    piece: {
      readonly chunk: Buffer;
      readonly from: number;
      readonly to: number;
      readonly timeNs: bigint;
      readonly isComplete: boolean;
    },
  ): void {
    if (this.#isCut[index]) {
      if (piece.isComplete) this.#endCut(index);
      return;
    }
    const line = this.#open[index];
    let from = piece.from;
    for (;;) {
      const free = mostLineBytes - line.length;
      const to = Math.min(piece.to, from + free);
      if (line.length === 0) line.timeNs = piece.timeNs;
      line.pieces.push(piece.chunk.subarray(from, to));
      line.length += to - from;
      from = to;
      const isWhole = from === piece.to;
      if (line.length === mostLineBytes || (isWhole && piece.isComplete)) this.#close(index);
      if (isWhole) return;
    }
  }

  #close(index: 0 | 1): void {
    const line = this.#open[index];
    const { pieces, timeNs } = line;
    line.pieces = [];
    line.length = 0;
    if (this.#filter.sinceNs !== undefined && timeNs < this.#filter.sinceNs) return;
    if (++this.count <= this.#skip) return;
    const bytes = pieces.length === 1 ? required(pieces[0]) : Buffer.concat(pieces);
    this.#entries.push({ stream: streams[index], timeNs, bytes });
  }

  /** An unfinished entry of an earlier process is a line of its own. */
  #breakAtStart(timeNs: bigint): void {
    for (const start of this.#filter.startsNs) {
      if (timeNs < start) continue;
      for (const index of [0, 1] as const) {
        const line = this.#open[index];
        if (line.length > 0 && line.timeNs < start) this.#close(index);
        if (this.#isCut[index] && this.#cutNs < start) this.#endCut(index);
      }
    }
  }

  #endCut(index: 0 | 1): void {
    this.#isCut[index] = false;
    this.#updateUncertain();
  }

  #updateUncertain(): void {
    if (!this.#isCut[0] && !this.#isCut[1]) this.#uncertain ??= this.count;
  }
}

function openLine(state?: { readonly bytes: Uint8Array; readonly timeNs: bigint }): OpenLine {
  if (state === undefined || state.bytes.length === 0) return { pieces: [], length: 0, timeNs: 0n };
  return { pieces: [state.bytes], length: state.bytes.length, timeNs: state.timeNs };
}
