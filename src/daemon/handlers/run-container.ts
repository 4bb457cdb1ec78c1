import { endGently } from "../../base/stream-writes.ts";
import type { Duplex } from "node:stream";
import { encodeRunEvent, frameOutput, runStreamType } from "../../api/http/run-stream.ts";
import { detailsHeader } from "../../api/http/failure-status.ts";
import { DetachScanner } from "../../api/container/detach-keys.ts";
import { toDockerFailure } from "../../api/docker-errors.ts";
import type { ContainerCreateResponse, StartTiming } from "../../api/types/container.ts";
import { Failure, failureOf, isAlreadyRunning } from "../../base/failure.ts";
import type { ExitStatus } from "../../model/container-state.ts";
import type { AttachedStream } from "../../model/streams.ts";
import type { Call } from "../handler.ts";
import { bridge } from "../http/bridge.ts";
import { failureReply } from "../http/reply.ts";
import { timingOf } from "../map/container-inspect.ts";

type Condition = "not-running" | "next-exit" | "removed";

/** The additional options of a creation: to run the container, with its streams on the same connection. */
interface Run {
  readonly streams: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly until: Condition;
}

/** Encodes the events that a client receives before and after the output. */
export interface RunEventEncoder {
  created(created: ContainerCreateResponse): Uint8Array;
  started(timing: StartTiming | null, id: string): Uint8Array;
  ended(code: number, timing: StartTiming | null): Uint8Array;
  /** After the detach keys; left out when the client itself looks for them. */
  detached?(): Uint8Array;
  /** A failure of the start or of a step that runs with it, in Docker's words. */
  failed(failure: Failure): Uint8Array;
}

/** Throws "invalid". */
export function parseRun(query: Call["query"]): Run | undefined {
  if (!query.boolean("run")) return undefined;
  const [stdin, stdout, stderr] = [query.boolean("stdin"), query.boolean("stdout"), query.boolean("stderr")];
  return { streams: { stdin, stdout, stderr }, until: parseCondition(query.text("until") ?? "next-exit") };
}

const asEvents: RunEventEncoder = {
  created: encodeRunEvent,
  started: (timing) => encodeRunEvent({ Timing: timing }),
  ended: (code) => encodeRunEvent({ StatusCode: code }),
  failed: (failure) => {
    const { status, body, headers } = failureReply(failure);
    const { [detailsHeader]: details } = headers;
    return encodeRunEvent({
      Failure: {
        Status: status,
        Kind: failure.kind,
        Details: details,
        Body: body,
      },
    });
  },
};

/**
 * Creates and runs a container with one request of Tare's client, and takes over the connection for its streams. Events
 * share the connection with the streams, in this order: the creation, the start, the output, the end. Failures after
 * the creation are events, too.
 */
export async function runContainer(
  call: Call,
  created: ContainerCreateResponse,
  { streams, until, encoder = asEvents }: Run & { readonly encoder?: RunEventEncoder | undefined },
): Promise<void> {
  const { engine, reply, signal } = call;
  const { Id: id } = created;
  const client = reply.hijack(runStreamType);
  client.write(encoder.created(created));
  const failed = new AbortController();
  let attached: AttachedStream | undefined;
  try {
    attached = await engine.containers.attach(id, streams);
    signal.throwIfAborted();
    const ended = beginWait(engine, id, { until, signal, failed });
    // Read from the start on: what is printed comes behind this.
    const timing = await startUnlessRunning(engine, id);
    client.write(encoder.started(timing, id));
    const { terminal, duplex, recordDetach } = attached;
    await bridge(client, duplex, {
      output: frameOutput({ terminal }),
      detach: terminal && encoder.detached !== undefined ? new DetachScanner() : undefined,
      onDetach: recordDetach,
      last: async (isDetached) =>
        isDetached && encoder.detached ? encoder.detached() : encoder.ended((await ended).code, timing),
    });
  } catch (thrown) {
    failed.abort();
    attached?.duplex.destroy();
    if (!signal.aborted) await sendFailure(call, client, { thrown, id, encoder });
  }
}

/** A failure behind the creation: the reply has begun. */
export async function sendFailure(
  { report }: Call,
  client: Duplex,
  {
    thrown,
    id,
    encoder,
  }: { readonly thrown: unknown; readonly id: string; readonly encoder: RunEventEncoder },
): Promise<void> {
  const failure = failureOf(thrown);
  report(failure);
  const dockerFailure = toDockerFailure(failure, { operation: "containers.start", params: { id } });
  endGently(client, { last: encoder.failed(dockerFailure) });
}

/** Another client may have started it: then its timing is null. */
export async function startUnlessRunning(engine: Call["engine"], id: string): Promise<StartTiming | null> {
  try {
    return timingOf(await engine.containers.start(id));
  } catch (thrown) {
    if (isAlreadyRunning(thrown)) return null;
    throw thrown;
  }
}

export function parseCondition(text: string): Condition {
  if (text === "not-running" || text === "next-exit" || text === "removed") return text;
  throw new Failure("invalid", `invalid condition: "${text.slice(0, 50)}"`);
}

/** Nothing is missed from here on. A wait whose start has failed is given up. */
export function beginWait(
  engine: Call["engine"],
  id: string,
  {
    until,
    signal,
    failed,
  }: { readonly until: Condition; readonly signal: AbortSignal; readonly failed: AbortController },
): Promise<ExitStatus> {
  const ended = engine.containers.wait(id, {
    until,
    signal: AbortSignal.any([signal, failed.signal]),
  });
  ended.catch(() => {});
  return ended;
}

export async function replyEnd(reply: Call["reply"], ended: Promise<ExitStatus>): Promise<void> {
  // Docker's Error reports that waiting failed, and its client then exits with 125: inspect reports why the container
  // failed.
  const { code } = await ended;
  await reply.write(`${JSON.stringify({ StatusCode: code })}\n`);
  reply.end();
}
