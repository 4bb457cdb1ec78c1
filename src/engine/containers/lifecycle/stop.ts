import { withDeadline } from "../../../base/deadline.ts";
import { fault } from "../../../base/fault.ts";
import { Failure, isAlreadyRunning } from "../../../base/failure.ts";
import { parseSignal } from "../../../spec/signal.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerId, ContainerReference } from "../../../model/ids.ts";
import type { ContainerContext } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { dropContainer } from "./end-run.ts";
import { getContainer } from "../../find-container.ts";
import type { LiveContainer } from "../live-container.ts";
import { thawPaused } from "./pause.ts";
import { planRecord } from "../../plan-record.ts";
import { endWaiting, markStopped } from "./restart-by-policy.ts";
import { refuseHolder } from "../../find-pod.ts";
import { startContainer } from "./start.ts";

const KILL = 9;
/** After KILL the kernel may still be writing a core or waiting for a disk. */
const KILL_DEADLINE_MS = 10_000;

export interface StopOptions {
  readonly signal?: string | undefined;
  /** Negative: wait for ever. */
  readonly graceMs?: number | undefined;
}

interface StopOfRestart extends StopOptions {
  /** It is started again afterwards: one with autoRemove stays. */
  readonly restarts?: boolean | undefined;
}

/** The stop signal, then after the grace KILL. False when it did not run. Resolves when the end is recorded. */
export async function stopContainer(
  context: ContainerContext,
  reference: ContainerReference,
  options: StopOfRestart = {},
): Promise<boolean> {
  const record = getContainer(context.state, reference);
  const plan = planRecord(context, record);
  const signal = parseSignal(options.signal ?? plan.stopSignal);
  const graceMs = options.graceMs ?? plan.stopGraceMs;
  const live = await findLive(context, record, { stops: true });
  if (live === "waiting") context.state.events.record(containerEvent(record, "stop"));
  if (live === undefined || live === "waiting") return live !== undefined;
  if (options.restarts === true) live.isRestarting = true;
  send(context, record, { live, signal });
  fault("stop.signaled");
  try {
    await thawPaused(context, record.id); // it hears the signal first
    if (!(await hasEnded(live, graceMs))) await killAndWait(context, record, live);
  } catch (thrown) {
    delete live.isRestarting; // it runs on, and may end by itself later
    throw thrown;
  }
  fault("stop.ended");
  const stopped = context.state.findContainer(record.id) ?? record;
  context.state.events.record(containerEvent(stopped, "stop"));
  return true;
}

/**
 * Sends one signal, KILL by default; a paused container is thawed for KILL only. Throws "conflict" when the container
 * does not run. After KILL it waits for the end.
 */
export async function killContainer(
  context: ContainerContext,
  reference: ContainerReference,
  options: { readonly signal?: string | undefined } = {},
): Promise<void> {
  const record = getContainer(context.state, reference);
  const signal = parseSignal(options.signal === undefined || options.signal === "" ? "KILL" : options.signal);
  const live = await findLive(context, record, { stops: isStop(context, record, signal) });
  if (live === "waiting") return;
  if (live === undefined || !send(context, record, { live, signal })) {
    throw new Failure("conflict", `cannot kill container "${record.name}": it is not running`, {
      details: { state: record.state.status, id: record.id },
    });
  }
  fault("kill.signaled");
  if (signal === KILL) await killedAndRecorded(context, record, live);
}

/**
 * Stops it, if it runs, and starts it. One with autoRemove stays in between; when it can't be started again, it goes.
 */
export async function restartContainer(
  context: ContainerContext,
  reference: ContainerReference,
  options: StopOptions = {},
): Promise<void> {
  const record = getContainer(context.state, reference);
  await stopContainer(context, record.id, { ...options, restarts: true });
  fault("restart.stopped");
  try {
    await startContainer(context, record.id);
  } catch (thrown) {
    if (!isAlreadyRunning(thrown)) {
      await dropEnded(context, record.id);
      throw thrown;
    }
  }
  context.state.events.record(containerEvent(getContainer(context.state, record.id), "restart"));
}

/** One with autoRemove that has ended and was kept for a start that has failed. Fine when there is none. */
async function dropEnded(context: ContainerContext, id: ContainerId): Promise<void> {
  using _ = await context.locks.acquire(id);
  const record = context.state.findContainer(id);
  if (record?.spec.lifecycle?.autoRemove === true && record.state.status === "exited")
    dropContainer(context, record, {
      removesVolumes: true,
      removesImage: record.spec.lifecycle?.removeImage === true,
    });
}

/**
 * Removes the container; its name is free at once. A running container is "conflict", or is killed first with `force`.
 * The same holds for the holder of a pod, unless `withPod` removes the pod and nothing else is in it.
 */
export async function removeContainer(
  context: ContainerContext,
  reference: ContainerReference,
  {
    force = false,
    volumes = false,
    withPod = false,
  }: {
    readonly force?: boolean | undefined;
    readonly volumes?: boolean | undefined;
    readonly withPod?: boolean | undefined;
  } = {},
): Promise<void> {
  const { id } = getContainer(context.state, reference);
  for (let isKilled = false; ; isKilled = true) {
    using lock = await context.locks.acquire(id);
    if (isKilled && context.state.findContainer(id) === undefined) return; // by itself (autoRemove)
    const record = getContainer(context.state, id);
    refuseHolder(context.state, record, { withPod });
    const live = context.live.get(id);
    if (live === undefined && (force || record.state.status !== "restarting")) {
      dropContainer(context, record, { removesVolumes: volumes });
      return;
    }
    if (!force || live === undefined) {
      throw new Failure(
        "conflict",
        `cannot remove container "${record.name}": container is running: stop the container before removing or force remove`,
        { details: { state: record.state.status, id, name: record.name } },
      );
    }
    markStopped(context, record);
    lock[Symbol.dispose](); // its end is recorded under the lock
    await killAndWait(context, record, live);
  }
}

/**
 * The run that goes on. With `stops`, its end will be one that was asked for; "waiting" is one that was to be started
 * again, and is not any more.
 */
async function findLive(
  context: ContainerContext,
  { id }: ContainerRecord,
  { stops }: { readonly stops: boolean },
): Promise<LiveContainer | "waiting" | undefined> {
  using _ = await context.locks.acquire(id); // a start that is under way comes first
  const live = context.live.get(id);
  const found = stops ? context.state.findContainer(id) : undefined;
  if (found === undefined) return live;
  const record = markStopped(context, found);
  if (live !== undefined || record.state.status !== "restarting") return live;
  endWaiting(context, record);
  return "waiting";
}

/** KILL and the stop signal end a container for good, whatever its policy. */
function isStop(context: ContainerContext, record: ContainerRecord, signal: number): boolean {
  return signal === KILL || signal === parseSignal(planRecord(context, record).stopSignal);
}

function send(
  context: ContainerContext,
  record: ContainerRecord,
  { live, signal }: { readonly live: LiveContainer; readonly signal: number },
): boolean {
  const reached = live.kept.signal(signal);
  if (reached && record.isBuildStep !== true)
    context.state.events.record(containerEvent(record, "kill", { signal: String(signal) }));
  return reached;
}

async function hasEnded(live: LiveContainer, graceMs: number): Promise<boolean> {
  const ended = live.recorded.then(() => true);
  if (graceMs < 0) return await ended;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), graceMs);
  });
  try {
    return await Promise.race([ended, expired]);
  } finally {
    clearTimeout(timer);
  }
}

async function killAndWait(
  context: ContainerContext,
  record: ContainerRecord,
  live: LiveContainer,
): Promise<void> {
  send(context, record, { live, signal: KILL });
  await killedAndRecorded(context, record, live);
}

async function killedAndRecorded(
  context: ContainerContext,
  record: ContainerRecord,
  live: LiveContainer,
): Promise<void> {
  await thawPaused(context, record.id);
  await withDeadline(KILL_DEADLINE_MS, `end container "${record.name}" by KILL`, () => live.recorded);
}
