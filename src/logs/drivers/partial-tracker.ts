import { createHash } from "node:crypto";
import type { LogEntry } from "../log-entry.ts";

/** The place of a piece of a line that is longer than an entry. */
export interface Partial {
  /** Of the line. */
  readonly id: string;
  /** From 1. */
  readonly ordinal: number;
  readonly isLast: boolean;
}

/** A line of which some pieces have been seen. */
export interface OpenPartial {
  readonly ordinal: number;
  /** Of the first piece. */
  readonly timeNs: bigint;
}

export type PartialState = readonly [stdout: OpenPartial | undefined, stderr: OpenPartial | undefined];

const newline = 10;

/** Numbers the pieces of long lines in the order of the entries; the same entries give the same numbers. */
export class PartialTracker {
  readonly #containerId: string;
  readonly #open: [OpenPartial | undefined, OpenPartial | undefined];

  constructor(containerId: string, [stdout, stderr]: PartialState = [undefined, undefined]) {
    this.#containerId = containerId;
    this.#open = [stdout, stderr];
  }

  state(): PartialState {
    return [...this.#open];
  }

  /** Undefined for a whole line. `mostBytes`: an entry of so many bytes without line end is continued. */
  next(
    { stream, timeNs, bytes }: LogEntry,
    { mostBytes }: { readonly mostBytes: number },
  ): Partial | undefined {
    const index = stream === "stdout" ? 0 : 1;
    const open = this.#open[index];
    const goesOn = bytes.length === mostBytes && bytes.at(-1) !== newline;
    if (open === undefined && !goesOn) return undefined;
    const now = { ordinal: (open?.ordinal ?? 0) + 1, timeNs: open?.timeNs ?? timeNs };
    this.#open[index] = goesOn ? now : undefined;
    return { id: this.#idOf(stream, now.timeNs), ordinal: now.ordinal, isLast: !goesOn };
  }

  #idOf(stream: string, timeNs: bigint): string {
    const name = `${this.#containerId} ${stream} ${timeNs}`;
    return createHash("sha256").update(name).digest("hex");
  }
}
