/** One line with its line end where it had one, or a part of at most 16 KiB of a longer one. */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** Nanoseconds since 1970: when the line began. */
  readonly timeNs: bigint;
  /** A view into a larger buffer; not written again by the reader. */
  readonly bytes: Uint8Array;
}

export interface ReadLogOptions {
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  readonly sinceNs?: bigint | undefined;
  readonly untilNs?: bigint | undefined;
  /** Only so many last entries of those that match; absent: all. */
  readonly tail?: number | undefined;
  /** Go on with what comes, until `ended` or `signal`. */
  readonly follow?: boolean | undefined;
  /** Settles when the last byte has been written; a reader that follows then gives the rest and ends. */
  readonly ended?: Promise<unknown> | undefined;
  /** Moments at which a process was started: a line that was open then is not joined to what comes later. */
  readonly startsNs?: readonly bigint[] | undefined;
  readonly signal?: AbortSignal | undefined;
}
