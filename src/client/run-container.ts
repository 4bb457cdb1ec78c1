import { failureOfReply } from "../api/failure-status.ts";
import { decodeJsonLines } from "../api/json-lines.ts";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerWaitResponse,
  RunEvent,
  StartTiming,
} from "../api/types/container.ts";
import { Failure } from "../base/failure.ts";
import type { AttachParameters, StartedRun, WaitCondition } from "./containers.ts";
import type { HttpReply } from "./http/reply.ts";
import type { AttachedConnection, Call, Transport } from "./transport.ts";

/** See ContainersClient.run(). */
export async function runContainer(
  transport: Transport,
  request: ContainerCreateRequest,
  {
    name,
    streams,
    until,
  }: {
    readonly name: string | undefined;
    readonly streams: AttachParameters;
    readonly until: WaitCondition;
  },
): Promise<ContainerCreateResponse & { readonly started: Promise<StartedRun> }> {
  const abort = new AbortController();
  const { signal } = abort;
  const token = crypto.randomUUID();
  const creation = { name, run: token, until };
  const creating = transport.call({
    method: "POST",
    path: "/containers/create",
    query: creation,
    json: request,
    signal,
  });
  // Goes out while the container is made.
  const attaching = transport.attach({
    method: "POST",
    path: `/containers/${token}/attach`,
    query: { ...streams, created: true },
    signal,
  });
  const giveUp = (thrown: unknown): void => {
    abort.abort(thrown);
    letGo(attaching);
  };
  try {
    const events = decodeJsonLines<RunEvent>(await creating);
    const created = await next(events, "Id");
    const started = join(events, attaching);
    started.catch(giveUp);
    return { ...created, started };
  } catch (thrown) {
    giveUp(thrown);
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

/** Rejects when the connection breaks, also while nobody awaits it. */
export function exitOf(reply: HttpReply): Promise<ContainerWaitResponse> {
  const exit = reply.text().then((text) => JSON.parse(text) as ContainerWaitResponse);
  exit.catch(() => {});
  return exit;
}

export function findTiming(header: string | undefined): StartTiming | undefined {
  if (header === undefined) return undefined;
  try {
    return JSON.parse(header) as StartTiming;
  } catch {
    return undefined;
  }
}

async function join(
  events: AsyncGenerator<RunEvent, void, undefined>,
  attaching: Promise<AttachedConnection>,
): Promise<StartedRun> {
  const [connection, { Timing }] = await Promise.all([attaching, next(events, "Timing")]);
  const exit: Promise<ContainerWaitResponse> = next(events, "StatusCode");
  exit.catch(() => {});
  return { connection, timing: Timing ?? undefined, exit };
}

/** The event that has this. Rejects with the failure that is told instead. */
async function next<Key extends "Id" | "Timing" | "StatusCode">(
  events: AsyncGenerator<RunEvent, void, undefined>,
  key: Key,
): Promise<Extract<RunEvent, Readonly<Record<Key, unknown>>>> {
  const { value } = await events.next();
  if (value !== undefined && key in value) return value as Extract<RunEvent, Readonly<Record<Key, unknown>>>;
  if (value !== undefined && "Failure" in value) {
    const { Status, Body, Kind } = value.Failure;
    throw failureOfReply(Status, Body, Kind);
  }
  throw new Failure("unavailable", "cannot follow the run: the daemon told no more of it");
}
