import type { WallMs } from "./time.ts";

/** Which entries of a log are read. */
export interface LogOptions {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly follow?: boolean;
  readonly sinceMs?: WallMs;
  readonly untilMs?: WallMs;
  /** As an entry's timeNs, to go on exactly behind one; instead of sinceMs and untilMs. Both ends belong to it. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** Only so many last lines; absent: all. */
  readonly tail?: number;
  readonly signal?: AbortSignal;
}

/** One line with its line end where it had one (a terminal's bytes unchanged), or a part of at most 16 KiB of a longer one. */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
}
