import { multiplexedStreamType, rawStreamType } from "../../api/http/stream-frames.ts";
import { Failure } from "../../base/failure.ts";
import { formatRfc3339Fixed } from "../../base/timestamp.ts";
import type { LogEntry, LogOptions } from "../../model/logs.ts";
import type { Call } from "../handler.ts";
import { FrameWriter } from "../http/frame-writer.ts";
import { timeNs } from "./events.ts";

/** `GET /containers/{id}/logs`: frames, or raw bytes when it has a terminal. */
export async function streamLogs({ engine, version, params, query, reply, signal }: Call): Promise<void> {
  const { id = "" } = params;
  const options = logOptions(query, signal);
  const { spec } = await engine.containers.inspect(id);
  const isFramed = spec.process?.terminal !== true;
  const entries = engine.containers.logs(id, options);
  reply.begin(isFramed && version >= 1042 ? multiplexedStreamType : rawStreamType);
  const writer = new FrameWriter(reply, { isFramed });
  const stamp = query.boolean("timestamps") ? new LineStamps() : undefined;
  for await (const entry of entries) {
    const waiting = writer.write(entry.stream, entry.bytes, stamp?.prefixOf(entry));
    if (waiting !== undefined) await waiting;
    if (signal.aborted) break;
  }
  await writer.flush();
  reply.end();
}

function logOptions(query: Call["query"], signal: AbortSignal): LogOptions {
  const stdout = query.boolean("stdout");
  const stderr = query.boolean("stderr");
  if (!stdout && !stderr) {
    throw new Failure("invalid", "Bad parameters: you must choose at least one stream");
  }
  const sinceNs = timeNs(query.text("since"));
  const untilNs = timeNs(query.text("until"));
  const tail = query.text("tail") ?? "all";
  // SPEC: dockerd takes any other word for "all".
  const lines = /^\d{1,9}$/.test(tail) ? Number(tail) : undefined;
  return {
    stdout,
    stderr,
    follow: query.boolean("follow"),
    signal,
    sinceNs,
    untilNs,
    tail: lines,
  };
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
