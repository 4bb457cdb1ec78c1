import { Failure } from "../../../base/failure.ts";
import { readLog } from "../../../logs/read-log.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerStorage } from "../../../model/container-spec.ts";
import { isLogReadable } from "../../../spec/log-driver/log-options.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import type { LogEntry, LogOptions } from "../../../model/logs.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { getContainer } from "../../find-container.ts";

/**
 * The container's log as entries; "unsupported", in Docker's words, where none is kept. Following ends with the run
 * that goes on now.
 */
export function containerLogs(
  context: ContainerContext,
  reference: ContainerReference,
  options: LogOptions = {},
): AsyncIterable<LogEntry> {
  const record = getContainer(context.state, reference);
  if (!isReadable(record.spec.storage?.log))
    throw new Failure("unsupported", "configured logging driver does not support reading");
  const live = context.live.get(record.id);
  const { stdout = true, stderr = true, follow = false, tail, signal } = options;
  const sinceNs = options.sinceNs ?? findNs(options.sinceMs);
  const untilNs = options.untilNs ?? findNs(options.untilMs);
  const goesOn =
    follow && ((live !== undefined && isRunning(record)) || record.state.status === "restarting");
  return readLog(context.paths.log(record.id), {
    stdout,
    stderr,
    startsNs: startsNsOf(record),
    follow: goesOn || undefined,
    ended: goesOn ? endOf(context, record) : undefined,
    sinceNs,
    untilNs,
    tail: tail === undefined || tail < 0 ? undefined : tail,
    signal: signal === undefined ? context.closing : AbortSignal.any([signal, context.closing]),
  });
}

function isReadable(log: ContainerStorage["log"]): boolean {
  return log !== "none" && (log === undefined || isLogReadable(log.driver, log.options ?? {}));
}

/** With a policy it may go on in another run: until it has ended for good. */
function endOf(context: ContainerContext, { id, spec }: ContainerRecord): Promise<void> {
  const live = context.live.get(id);
  if (live !== undefined && (spec.lifecycle?.restartPolicy?.name ?? "no") === "no") return live.recorded;
  const { promise, resolve } = Promise.withResolvers<void>();
  context.waiters.add(id, "exit", () => resolve());
  return promise;
}

/** A line left open by one run does not go on in the next. */
export function startsNsOf({ starts }: ContainerRecord): readonly bigint[] {
  return starts.slice(1).map(nsOfMs);
}

function findNs(ms: number | undefined): bigint | undefined {
  return ms === undefined ? undefined : nsOfMs(ms);
}

/** Fractions of a millisecond count: `--since` has nanoseconds. */
function nsOfMs(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6));
}
