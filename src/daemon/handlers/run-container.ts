import { wordFailure } from "../../api/wording.ts";
import type { ContainerCreateResponse, RunEvent, StartTiming } from "../../api/types/container.ts";
import { Failure, failureOf } from "../../base/failure.ts";
import type { ExitStatus } from "../../engine/types.ts";
import type { Call } from "../handler.ts";
import { failureReply } from "../http/reply.ts";
import { timingOf } from "../map/container-inspect.ts";

type Condition = "not-running" | "next-exit" | "removed";

/** What a creation asks for besides: to be run, its streams those of the client that attaches by the token. */
interface Run {
  readonly token: string;
  readonly until: Condition;
}

/** Throws "invalid". */
export function planRun(query: Call["query"]): Run | undefined {
  const token = query.text("run");
  if (token === undefined) return undefined;
  if (!/^[0-9a-f-]{32,64}$/.test(token)) throw new Failure("invalid", "invalid run: must be a UUID");
  return { token, until: parseCondition(query.text("until") ?? "next-exit") };
}

/**
 * Tare's own client makes and runs a container by one request. What happens is told as JSON lines: the creation, the start, the end.
 * A failure after the first is told as a line, too.
 */
export async function runContainer(
  { engine, attached, created: waiting, reply, signal, report }: Call,
  created: ContainerCreateResponse,
  { token, until }: Run,
): Promise<void> {
  const { Id: id } = created;
  const tell = async (event: RunEvent): Promise<void> => await reply.write(`${JSON.stringify(event)}\n`);
  reply.begin("application/json");
  await tell(created);
  const failed = new AbortController();
  let ended: Promise<ExitStatus>;
  try {
    using _ = waiting.add(token, id);
    await attached.first(id, { signal });
    ended = beginWait(engine, id, { until, signal, failed });
    await tell({ Timing: await startUnlessRunning(engine, id) });
  } catch (thrown) {
    failed.abort();
    if (signal.aborted) return;
    const failure = failureOf(thrown);
    report(failure);
    const worded = wordFailure(failure, { operation: "containers.start", params: { id } });
    const { status, body } = failureReply(worded);
    await tell({ Failure: { Status: status, Kind: worded.kind, Body: body } });
    return reply.end();
  }
  await replyEnd(reply, ended);
}

async function startUnlessRunning(engine: Call["engine"], id: string): Promise<StartTiming | null> {
  try {
    return timingOf(await engine.containers.start(id));
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.details["alreadyRunning"] === true) return null;
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
  // Docker's Error says that waiting failed, and its client then gives 125: why it ended badly is inspect's to tell.
  const { code } = await ended;
  await reply.write(`${JSON.stringify({ StatusCode: code })}\n`);
  reply.end();
}
