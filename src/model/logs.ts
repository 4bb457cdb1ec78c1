import type { WallMs } from "./time.ts";

/** Which entries of a log are read. */
export interface LogOptions {
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  readonly follow?: boolean | undefined;
  readonly sinceMs?: WallMs | undefined;
  readonly untilMs?: WallMs | undefined;
  /** As an entry's timeNs, to go on exactly behind one; instead of sinceMs and untilMs. Both ends belong to it. */
  readonly sinceNs?: bigint | undefined;
  readonly untilNs?: bigint | undefined;
  /** Only so many last lines; absent: all. */
  readonly tail?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One line with its line end where it had one (a terminal's bytes unchanged), or a part of at most 16 KiB of a longer
 * one.
 */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
}
