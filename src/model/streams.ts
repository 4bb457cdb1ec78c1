import type { Duplex } from "node:stream";

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Which streams a client is connected to, and from when. Absent: false; `stream`: true. */
export interface AttachOptions {
  readonly stdin?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  /** First give what the log holds. */
  readonly logs?: boolean | undefined;
  /** Go on with what comes (false with logs: only the log). */
  readonly stream?: boolean | undefined;
}

/**
 * A client's end of a container's standard streams. Reading gives raw bytes of the terminal, or without a terminal
 * Docker's frames (8-byte header: stream, 0, 0, 0, length as 32 bits big-endian). Writing feeds standard input;
 * `end()` half-closes it. The reader's end comes when the process ended and all its output was given.
 * The caller destroys it.
 */
export interface AttachedStream {
  readonly terminal: boolean;
  readonly duplex: Duplex;
  /** Records that the client has left by the detach keys. Absent through the API, where the daemon looks for them. */
  readonly recordDetach?: (() => void) | undefined;
}
