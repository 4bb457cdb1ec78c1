import { isRecord } from "../../base/is-record.ts";
import { parseTrustedJson } from "../../base/trusted-json.ts";
import { Failure } from "../../base/failure.ts";
import { encodeFrame, type Frame, FrameDecoder } from "../../spec/stream-frames.ts";
import type { RunEvent } from "../types/container.ts";

/**
 * The format of a connection that creates and runs a container, an extension: Docker's frames, also for the output of a
 * terminal, and between them frames of events, each a JSON text and a line feed.
 */
export const runStreamType = "application/vnd.tare.run-stream";

export type RunPart = Frame | { readonly event: RunEvent };

const eventLimitBytes = 1024 * 1024;

export function encodeRunEvent(event: RunEvent): Buffer {
  return encodeFrame("event", Buffer.from(`${JSON.stringify(event)}\n`));
}

/**
 * Returns what makes frames of output that comes in pieces of any size: a terminal's bytes, or Docker's frames. What it
 * gives is always whole, so that an event can follow even if a piece was the last. Throws Failure("corrupt").
 */
export function frameOutput({ terminal }: { readonly terminal: boolean }): (piece: Uint8Array) => Uint8Array {
  if (terminal) return (piece) => encodeFrame("stdout", piece);
  const decoder = new FrameDecoder();
  return (piece) => {
    const wasWhole = decoder.atBoundary;
    const frames = decoder.push(piece);
    if (wasWhole && decoder.atBoundary) return piece;
    return Buffer.concat(frames.map(({ stream, bytes }) => encodeFrame(stream, bytes)));
  };
}

/** Takes a run's stream apart, given in pieces of any size: output as it comes, events when they are whole. */
export class RunStreamDecoder {
  readonly #frames = new FrameDecoder({ hasEvents: true });
  #event: Uint8Array[] = [];
  #eventBytes = 0;

  /** Throws Failure("corrupt") on what can't be one. */
  push(piece: Uint8Array): RunPart[] {
    return this.#frames
      .push(piece)
      .flatMap((frame): readonly RunPart[] => (frame.stream === "event" ? this.#take(frame.bytes) : [frame]));
  }

  #take(bytes: Uint8Array): readonly RunPart[] {
    this.#event.push(bytes);
    this.#eventBytes += bytes.length;
    if (this.#eventBytes > eventLimitBytes) throw malformed("an event is too long");
    if (bytes.at(-1) !== 10) return [];
    const text = Buffer.concat(this.#event).toString("utf8");
    this.#event = [];
    this.#eventBytes = 0;
    return [{ event: parseEvent(text) }];
  }
}

function parseEvent(text: string): RunEvent {
  let event: RunEvent;
  try {
    event = parseTrustedJson<RunEvent>(text);
  } catch (cause) {
    throw malformed("an event is not JSON", cause);
  }
  if (!isRecord(event)) throw malformed("an event is no object");
  return event;
}

function malformed(what: string, cause?: unknown): Failure {
  return new Failure("corrupt", `cannot read the stream: ${what}`, { cause });
}
