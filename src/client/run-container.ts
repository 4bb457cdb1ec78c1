import { parseTrustedJson } from "../base/trusted-json.ts";
import { failureOfReply } from "../api/http/failure-status.ts";
import { type RunPart, RunStreamDecoder } from "../api/http/run-stream.ts";
import type { Frame } from "../spec/stream-frames.ts";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerWaitResponse,
  RunEvent,
  StartTiming,
} from "../api/types/container.ts";
import { Failure } from "../base/failure.ts";
import type { HttpReply } from "./http/reply.ts";
import type { ClientSocket } from "./http/socket.ts";
import type { AttachedConnection, Call, Transport } from "./transport.ts";
import type { AttachParameters, StartedRun, WaitCondition } from "./started-run.ts";

/** See ContainersClient.run(). */
export async function runContainer(
  transport: Transport,
  request: ContainerCreateRequest,
  {
    name,
    streams: { stdin, stdout, stderr },
    until,
  }: {
    readonly name: string | undefined;
    readonly streams: AttachParameters;
    readonly until: WaitCondition;
  },
): Promise<ContainerCreateResponse & { readonly started: Promise<StartedRun> | undefined }> {
  const query = { name, run: true, until, stdin, stdout, stderr };
  const call = { method: "POST", path: "/containers/create", query, json: request, upgrade: true } as const;
  const reply = await transport.call(call);
  if (reply.status !== 101) {
    return { ...parseTrustedJson<ContainerCreateResponse>(await reply.text()), started: undefined };
  }
  const duplex = reply.hijack();
  const runEvents = decodeRunEvents(duplex);
  try {
    const created = await next(runEvents, "Id");
    const started = follow(runEvents, duplex);
    started.catch(() => duplex.destroy());
    return { ...created, started };
  } catch (thrown) {
    duplex.destroy();
    throw thrown;
  }
}

/** See ContainersClient.startAttached(). */
export async function startAttached(
  transport: Transport,
  {
    attaching,
    path,
    query,
  }: {
    readonly attaching: Promise<AttachedConnection>;
    readonly path: string;
    readonly query: NonNullable<Call["query"]>;
  },
): Promise<StartedRun> {
  const abort = new AbortController();
  const starting = transport.call({ method: "POST", path, query, signal: abort.signal });
  try {
    const [connection, reply] = await Promise.all([attaching, starting]);
    return { connection, timing: findTiming(reply.header("tare-timing")), exit: exitOf(reply) };
  } catch (thrown) {
    abort.abort(thrown);
    starting.catch(() => {});
    letGo(attaching);
    throw thrown;
  }
}

function letGo(attaching: Promise<AttachedConnection>): void {
  attaching.then(
    ({ duplex }) => duplex.destroy(),
    () => {},
  );
}

/** Rejects when the connection breaks, even when no caller awaits it. */
export function exitOf(reply: HttpReply): Promise<ContainerWaitResponse> {
  const exit = reply.text().then((text) => parseTrustedJson<ContainerWaitResponse>(text));
  exit.catch(() => {});
  return exit;
}

export function findTiming(header: string | undefined): StartTiming | undefined {
  if (header === undefined) return undefined;
  try {
    return parseTrustedJson<StartTiming>(header);
  } catch {
    return undefined;
  }
}

type RunEvents = AsyncGenerator<RunPart, void, undefined>;

async function* decodeRunEvents(duplex: ClientSocket): RunEvents {
  const decoder = new RunStreamDecoder();
  for await (const piece of duplex) yield* decoder.push(piece);
}

async function follow(runEvents: RunEvents, duplex: ClientSocket): Promise<StartedRun> {
  const { Timing } = await next(runEvents, "Timing");
  const exit = Promise.withResolvers<ContainerWaitResponse>();
  exit.promise.catch(() => {});
  const connection = { terminal: undefined, duplex, output: outputOf(runEvents, exit) };
  return { connection, timing: Timing ?? undefined, exit: exit.promise };
}

/** The output; the exit event follows it. A broken connection also ends the output. */
async function* outputOf(
  runEvents: RunEvents,
  exit: PromiseWithResolvers<ContainerWaitResponse>,
): AsyncGenerator<Frame, void, undefined> {
  try {
    for await (const part of runEvents) {
      if ("event" in part) return exit.resolve(eventOf(part.event, "StatusCode"));
      yield part;
    }
    exit.reject(lost());
  } catch (thrown) {
    exit.reject(thrown instanceof Failure ? thrown : lost(thrown));
  }
}

/** Returns the expected next event. Rejects with the failure that the daemon sends in its place. */
async function next<Key extends EventKey>(runEvents: RunEvents, key: Key): Promise<EventOf<Key>> {
  const { value } = await runEvents.next();
  if (value === undefined || !("event" in value)) throw lost();
  return eventOf(value.event, key);
}

type EventKey = "Id" | "Timing" | "StatusCode";
type EventOf<Key extends EventKey> = Extract<RunEvent, Readonly<Record<Key, unknown>>>;

function eventOf<Key extends EventKey>(event: RunEvent, key: Key): EventOf<Key> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- TypeScript does not narrow by a generic key
  if (key in event) return event as EventOf<Key>;
  if (!("Failure" in event)) throw lost();
  const { Status, Body, Kind, Details } = event.Failure;
  throw failureOfReply(Status, Body, { kind: Kind, details: Details });
}

function lost(cause?: unknown): Failure {
  return new Failure("unavailable", "cannot follow the run: the daemon sent no further event", { cause });
}
