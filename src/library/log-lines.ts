import type { Frame } from "../spec/stream-frames.ts";
import { findRfc3339 } from "../base/timestamp.ts";
import type { LogEntry } from "../model/logs.ts";

/** Longer lines arrive in chunks of this size, as from an engine in this process. */
const mostLineBytes = 16 * 1024;
/** A stamp and the blank after it are never longer. */
const mostStampBytes = 64;

/** Lines of the API's log with `timestamps`, taken apart. */
export async function* parseLogLines(frames: AsyncIterable<Frame>): AsyncGenerator<LogEntry, void> {
  const lines = { stdout: new StampedLine("stdout"), stderr: new StampedLine("stderr") };
  for await (const { stream, bytes } of frames) {
    yield* lines[stream === "stderr" ? "stderr" : "stdout"].push(Buffer.from(bytes));
  }
  for (const line of [lines.stdout, lines.stderr]) yield* line.end();
}

class StampedLine {
  readonly #stream: LogEntry["stream"];
  #rest: Buffer = Buffer.alloc(0);
  /** Of the line that has begun; undefined before its stamp was read. */
  #timeNs: bigint | undefined;

  constructor(stream: LogEntry["stream"]) {
    this.#stream = stream;
  }

  *push(bytes: Buffer): Generator<LogEntry, void> {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      if (this.#timeNs === undefined && !this.#readStamp()) return;
      const newline = this.#rest.subarray(0, mostLineBytes).indexOf(10);
      if (newline < 0 && this.#rest.length < mostLineBytes) return;
      const end = newline < 0 ? mostLineBytes : newline + 1;
      yield this.#take(end);
      if (newline >= 0) this.#timeNs = undefined;
    }
  }

  *end(): Generator<LogEntry, void> {
    if (this.#timeNs !== undefined && this.#rest.length > 0) yield this.#take(this.#rest.length);
  }

  #take(end: number): LogEntry {
    const bytes = this.#rest.subarray(0, end);
    this.#rest = this.#rest.subarray(end);
    return { stream: this.#stream, timeNs: this.#timeNs ?? 0n, bytes };
  }

  #readStamp(): boolean {
    const blank = this.#rest.indexOf(32);
    if (blank < 0 && this.#rest.length < mostStampBytes) return false;
    const stamp =
      blank < 0 ? undefined : findRfc3339(this.#rest.toString("latin1", 0, Math.min(blank, mostStampBytes)));
    this.#timeNs = stamp ?? 0n;
    if (stamp !== undefined) this.#rest = this.#rest.subarray(blank + 1);
    return true;
  }
}
