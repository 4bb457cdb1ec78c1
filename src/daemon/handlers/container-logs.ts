import { parseFastPathLogs } from "../../api/container/fast-path-request.ts";
import { runStreamType } from "../../api/http/run-stream.ts";
import { multiplexedStreamType, rawStreamType } from "../../api/http/stream-frames.ts";
import { Failure } from "../../base/failure.ts";
import { formatRfc3339Fixed } from "../../base/timestamp.ts";
import type { LogEntry, LogOptions } from "../../model/logs.ts";
import type { Call } from "../handler.ts";
import { endGently } from "../http/bridge.ts";
import { FrameWriter } from "../http/frame-writer.ts";
import { writeTo } from "../http/reply.ts";
import { timeNs } from "./events.ts";
import { exitStatus } from "./run-fast-path.ts";

/** `GET /containers/{id}/logs`: frames, or raw bytes when it has a terminal. */
export async function streamLogs({ engine, version, params, query, reply, signal }: Call): Promise<void> {
  const { id = "" } = params;
  const options = logOptions(query, signal);
  const { spec } = await engine.containers.inspect(id);
  const isFramed = spec.process?.terminal !== true;
  const entries = engine.containers.logs(id, options);
  reply.begin(isFramed && version >= 1042 ? multiplexedStreamType : rawStreamType);
  const writer = new FrameWriter(reply, { isFramed });
  await writeEntries(writer, entries, { timestamps: query.boolean("timestamps"), signal });
  reply.end();
}

/** `tare logs` by its words, for the launcher: as streamLogs(), but always in frames, and at last the exit status. */
export async function streamPlainLogs({ engine, body, facts, reply, signal }: Call): Promise<void> {
  const { container, follow, tail, timestamps } = parseFastPathLogs(body, facts.buildId);
  await engine.containers.inspect(container);
  const options = { stdout: true, stderr: true, follow, signal, tail: linesOf(tail) };
  const entries = engine.containers.logs(container, options);
  const client = reply.hijack(runStreamType);
  const writer = new FrameWriter({ write: (piece) => writeTo(client, piece) }, { isFramed: true });
  await writeEntries(writer, entries, { timestamps, signal });
  endGently(client, { last: exitStatus(0) });
}

async function writeEntries(
  writer: FrameWriter,
  entries: AsyncIterable<LogEntry>,
  { timestamps, signal }: { readonly timestamps: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const stamp = timestamps ? new LineStamps() : undefined;
  for await (const entry of entries) {
    const waiting = writer.write(entry.stream, entry.bytes, stamp?.prefixOf(entry));
    if (waiting !== undefined) await waiting;
    if (signal.aborted) break;
  }
  await writer.flush();
}

function logOptions(query: Call["query"], signal: AbortSignal): LogOptions {
  const stdout = query.boolean("stdout");
  const stderr = query.boolean("stderr");
  if (!stdout && !stderr) {
    throw new Failure("invalid", "Bad parameters: you must choose at least one stream");
  }
  const sinceNs = timeNs(query.text("since"));
  const untilNs = timeNs(query.text("until"));
  return {
    stdout,
    stderr,
    follow: query.boolean("follow"),
    signal,
    sinceNs,
    untilNs,
    tail: linesOf(query.text("tail") ?? ""),
  };
}

/** SPEC: dockerd takes any other word for "all". */
function linesOf(tail: string): number | undefined {
  return /^\d{1,9}$/.test(tail) ? Number(tail) : undefined;
}

/** Writes a timestamp in front of each line, but not in front of each chunk of a long line. */
class LineStamps {
  readonly #midLine = new Set<LogEntry["stream"]>();

  prefixOf({ stream, timeNs, bytes }: LogEntry): Buffer | undefined {
    const continues = this.#midLine.has(stream);
    if (bytes[bytes.length - 1] === 10) this.#midLine.delete(stream);
    else this.#midLine.add(stream);
    return continues ? undefined : Buffer.from(`${formatRfc3339Fixed(timeNs)} `);
  }
}
