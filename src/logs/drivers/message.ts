import type { LogEntry } from "../log-entry.ts";
import type { Partial } from "./partial-tracker.ts";

/** What the messages of one container have in common. Written to a file: plain data. */
export interface MessageContext {
  /** Of the machine. */
  readonly hostname: string;
  /** Of the engine's process, which is the sender. */
  readonly pid: number;
  readonly containerId: string;
  /** Without a slash. */
  readonly containerName: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly command: string;
  /** RFC 3339. */
  readonly created: string;
  readonly tag: string;
  /** Of the options `labels`, `env` and so on. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

/** A line, or a piece of a long one. */
export interface LogMessage {
  readonly stream: LogEntry["stream"];
  readonly timeNs: bigint;
  /** Without its line end. */
  readonly line: Uint8Array;
  /** Absent for a whole line. */
  readonly partial: Partial | undefined;
}

/** Turns messages into what a receiver reads, complete with the framing of its transport. Pure. */
export interface MessageEncoder {
  /** Datagrams, or a part of a stream; none for a message that the receiver would refuse. */
  encode(message: LogMessage): readonly Uint8Array[];
}
