import { Failure, isFailure } from "../../../base/failure.ts";
import type { ContainerWaitResponse } from "../../../api/types/container.ts";
import type { ContainersClient } from "../../../client/containers.ts";
import type { AttachedConnection } from "../../../client/transport.ts";
import type { Call } from "../../command.ts";
import { parseDetachKeys } from "../../../api/container/detach-keys.ts";
import { runSession } from "../../terminal/session.ts";
import {
  endOnSignals,
  followSize,
  oneByOne,
  proxySignals,
  type Resize,
  type Size,
  sizeOf,
} from "./follow.ts";
import type { AttachParameters } from "../../../client/started-run.ts";

export interface JoinOptions {
  readonly id: string;
  readonly isTerminal: boolean;
  readonly hasInput: boolean;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  /** Empty: Docker's. */
  readonly detachKeys: string;
  readonly proxiesSignals: boolean;
  readonly condition: "not-running" | "next-exit" | "removed";
  /** Done when the streams are joined and the end is awaited, before anything is passed on. */
  start?: (() => Promise<void>) | undefined;
  /** Instead of joining and start(): all at once. */
  startAttached?: ((streams: AttachParameters) => Promise<Joined>) | undefined;
}

export interface Joined {
  readonly connection: AttachedConnection;
  readonly exit: Promise<ContainerWaitResponse>;
}

/** Joins our streams with a container's until it ends (its exit status) or the detach keys are typed. */
export async function joinContainer(call: Call<unknown>, options: JoinOptions): Promise<number> {
  const { id, isTerminal, hasInput, detachKeys } = options;
  const keys = parseDetachKeys(detachKeys);
  const client = await call.leanClient();
  const { containers } = client;
  const streams = streamsOf(options);
  const isAtOnce = options.startAttached !== undefined;
  const { connection, exit } = await (options.startAttached?.(streams) ?? join(containers, streams, options));
  using stack = new DisposableStack();
  stack.defer(() => connection.duplex.destroy());
  if (!isAtOnce) await options.start?.();
  // With a terminal its driver makes the signals, inside; ours are for ourselves.
  const ending = isTerminal ? stack.use(endOnSignals()) : undefined;
  if (!isTerminal && options.proxiesSignals) stack.use(proxySignals(call, client, id));
  if (isTerminal) {
    const resize = oneByOne((size) => containers.resize(id, size));
    stack.use(followSize(call.context.stdout, resize));
    const size = sizeOf(call.context.stdout);
    // It may have another size, or none yet; when it has ended already there is none to set.
    if (size !== undefined) adaptSize(resize, size, options).catch(() => {});
  }
  const end = await runSession(call.context, {
    duplex: connection.duplex,
    output: connection.output,
    isTerminal: connection.terminal ?? isTerminal,
    hasInput,
    detachKeys: keys,
    signal: ending === undefined ? call.signal : AbortSignal.any([call.signal, ending.signal]),
  });
  // Docker prints nothing when it has started the container, too.
  if (end === "detached") return options.start === undefined ? reportDetached(call) : 0;
  const { StatusCode, Error: error } = await exit.catch((thrown: unknown) => {
    throw lostConnection(thrown, id);
  });
  if (error?.Message) throw new Failure("internal", error.Message);
  return StatusCode;
}

/** The streams that are requested from the daemon. */
export function streamsOf({
  hasInput,
  stdout = true,
  stderr = true,
  detachKeys,
}: Pick<JoinOptions, "hasInput" | "stdout" | "stderr" | "detachKeys">): AttachParameters {
  const asked = detachKeys === "" ? {} : { detachKeys };
  return { stdin: hasInput, stdout, stderr, stream: true, ...asked };
}

/** Both are present when the daemon has reported both. */
async function join(
  containers: ContainersClient,
  streams: AttachParameters,
  { id, condition }: JoinOptions,
): Promise<Joined> {
  const [connection, { exit }] = await Promise.all([
    containers.attach(id, streams),
    containers.beginWait(id, { condition }),
  ]);
  return { connection, exit };
}

/** A running program redraws itself only when its size changes: Docker's trick is to send a wrong size first. */
async function adaptSize(resize: Resize, size: Size, options: JoinOptions): Promise<void> {
  const other = { rows: size.rows + 1, columns: size.columns + 1 };
  // Both asked for now: a newer size is set after them.
  await Promise.all([...(options.start === undefined ? [resize(other)] : []), resize(size)]);
}

/** Docker's message and status for a client that has detached. */
export function reportDetached(call: Call<unknown>): number {
  call.err("read escape sequence\n");
  return 1;
}

/** A connection that breaks is not the container's end: it has a keeper of its own. */
function lostConnection(thrown: unknown, id: string): unknown {
  if (!isFailure(thrown, "unavailable") || thrown.details.fromDaemon === true) return thrown;
  return new Failure(
    "unavailable",
    `cannot follow container ${id.slice(0, 12)} any longer: the connection to the daemon is lost; the container keeps running`,
    { cause: thrown },
  );
}
