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

/** The labels, variables and tag that a container's log driver adds to its entries, sorted by name. */
export type LogAttributes = readonly (readonly [name: string, value: string])[];

/** How the log of a container gets to the receiver of its log driver. */
export interface LogForwardingStatus {
  readonly driver: string;
  /** `tcp://host:514`; "" for the journal or syslog of this host. */
  readonly receiver: string;
  readonly isConnected: boolean;
  /** Messages. */
  readonly sent: number;
  /** Bytes of the log that wait to be sent. */
  readonly pendingBytes: number;
  /** Bytes of the log that were rotated away or given up before they were sent; whole files count with their limit. */
  readonly droppedBytes: number;
  /** The last failure since the engine was opened. */
  readonly lastError?: { readonly sentence: string; readonly at: WallMs } | undefined;
}
