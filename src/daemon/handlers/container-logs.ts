import { endGently, writeTo } from "../../base/stream-writes.ts";
import { parseFastPathLogs } from "../../api/container/fast-path-request.ts";
import { runStreamType } from "../../api/http/run-stream.ts";
import { multiplexedStreamType, rawStreamType } from "../../spec/stream-frames.ts";
import { Failure } from "../../base/failure.ts";
import { formatRfc3339Fixed } from "../../base/timestamp.ts";
import type { LogAttributes, LogEntry, LogOptions } from "../../model/logs.ts";
import type { Call } from "../handler.ts";
import { FrameWriter } from "../http/frame-writer.ts";
import { timeNs } from "./events.ts";
import { exitStatus } from "./run-fast-path.ts";

/** `GET /containers/{id}/logs`: frames, or raw bytes when it has a terminal. */
export async function streamLogs({ engine, version, params, query, reply, signal }: Call): Promise<void> {
  const { id = "" } = params;
  const options = logOptions(query, signal);
  const { spec, logAttributes = [] } = await engine.containers.inspect(id);
  const isFramed = spec.process?.terminal !== true;
  const entries = engine.containers.logs(id, options);
  reply.begin(isFramed && version >= 1042 ? multiplexedStreamType : rawStreamType);
  const writer = new FrameWriter(reply, { isFramed });
  const details = query.boolean("details") ? `${detailsText(logAttributes)} ` : "";
  await writeEntries(writer, entries, { timestamps: query.boolean("timestamps"), details, signal });
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
  await writeEntries(writer, entries, { timestamps, details: "", signal });
  endGently(client, { last: exitStatus(0) });
}

async function writeEntries(
  writer: FrameWriter,
  entries: AsyncIterable<LogEntry>,
  {
    timestamps,
    details,
    signal,
  }: { readonly timestamps: boolean; readonly details: string; readonly signal: AbortSignal },
): Promise<void> {
  const stamp = timestamps || details !== "" ? new LineHeads({ timestamps, details }) : undefined;
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

/** SPEC: dockerd: `name=value` with commas, each encoded as in the query of a URL. */
function detailsText(attributes: LogAttributes): string {
  const encode = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1);
  return attributes.map(([name, value]) => `${encode(name)}=${encode(value)}`).join(",");
}

/** Writes time and details in front of each line, but not in front of each chunk of a long line. */
class LineHeads {
  readonly #midLine = new Set<LogEntry["stream"]>();
  readonly #timestamps: boolean;
  readonly #details: string;

  constructor({ timestamps, details }: { readonly timestamps: boolean; readonly details: string }) {
    this.#timestamps = timestamps;
    this.#details = details;
  }

  prefixOf({ stream, timeNs, bytes }: LogEntry): Buffer | undefined {
    const continues = this.#midLine.has(stream);
    if (bytes[bytes.length - 1] === 10) this.#midLine.delete(stream);
    else this.#midLine.add(stream);
    const time = this.#timestamps ? `${formatRfc3339Fixed(timeNs)} ` : "";
    return continues ? undefined : Buffer.from(`${time}${this.#details}`);
  }
}
