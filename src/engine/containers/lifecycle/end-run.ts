import { defined } from "../../../base/defined.ts";
import { removeDirectory } from "../files/remove-directory.ts";
import { poll } from "../../../base/deadline.ts";
import { fault } from "../../../base/fault.ts";
import { isFailure, type Failure, kindOf, sentenceOf } from "../../../base/failure.ts";
import type { Exit } from "../../../runtime/types.ts";
import type { ContainerRecord, IntentId } from "../../state/records.ts";
import type { ContainerState } from "../../../model/container-state.ts";
import type { EngineEvent } from "../../../model/engine.ts";
import type { ContainerId } from "../../../model/ids.ts";
import { cgroupOf, type ContainerContext } from "../../context.ts";
import { imagesOf } from "../../images/images-in-use.ts";
import { backdateEvents, containerEvent } from "../../describe-event.ts";
import { endHealth } from "../../resolve/health-check.ts";
import { decideRestart } from "../../resolve/restart-policy.ts";
import { lastRun } from "./last-run.ts";
import { exitCodeOf, exitStatusOf } from "../exit-status.ts";
import { networkUseEvents, plansOf, releaseEndpoints, withoutPlans } from "../../networks/join-networks.ts";
import { withHealth } from "./running-record.ts";
import { reportDenials } from "../resources/traced-calls.ts";
import { anonymousVolumes, volumeUseEvents } from "../files/volume-uses.ts";

/** How long things of a container that has ended may stay busy (its keeper gives out the last bytes). */
const BUSY_MS = 10_000;

export type ExitedState = Extract<ContainerState, { status: "exited" }>;

/** The state after a run that ended so. Reads the cgroup's counters: call it before that is removed. */
export function stateAfter(context: ContainerContext, record: ContainerRecord, exit: Exit): ExitedState {
  const oomKills = Math.max(cgroupOf(context, record).oomKills(), noticedKills(record));
  const startedAt =
    ("startedAt" in record.state ? record.state.startedAt : undefined) ?? record.starts.at(-1);
  return {
    status: "exited",
    code: exit.keeperLost === true ? 137 : exitCodeOf(exit.end),
    oomKilled: oomKills > 0,
    startedAt,
    finishedAt: exit.finishedAt,
    error: exit.keeperLost === true ? "keeper lost" : undefined,
  };
}

/**
 * Records the end of a run (or of a failed start), notifies waiting callers and cleans up after the response. Removes a
 * container with autoRemove, unless it is being restarted. `startsAgain`: a temporary shortage made the start fail, so
 * the restart policy counts it like a run. `startEvents`: of a start that was not recorded. `whileAway`: the run ended
 * while no engine ran, so its events have the time of its end. The caller holds the container's lock.
 */
export function recordEnd(
  context: ContainerContext,
  record: ContainerRecord,
  {
    state,
    ends,
    startsAgain = false,
    startEvents = [],
    whileAway = false,
  }: {
    readonly state: ExitedState;
    readonly ends?: IntentId | undefined;
    readonly startsAgain?: boolean | undefined;
    readonly startEvents?: readonly EngineEvent[] | undefined;
    readonly whileAway?: boolean | undefined;
  },
): void {
  const plans = plansOf(record);
  const left = withoutPlans(record);
  if (record.health !== undefined) void context.health.stop(record.id);
  const ended: ContainerRecord = withHealth({ ...left, state }, endHealth(record.health));
  reportDenials(context, record);
  const ownEvents = [
    ...(state.oomKilled && noticedKills(record) === 0 ? [containerEvent(record, "oom")] : []),
    // SPEC: dockerd releases what the run has used before it reports the end. A start that failed has used nothing.
    ...(state.startedAt === undefined
      ? []
      : [...networkUseEvents(context, record, "disconnect"), ...volumeUseEvents(record, "unmount")]),
    containerEvent(
      record,
      "die",
      defined({
        exitCode: String(state.code),
        execDuration:
          state.startedAt === undefined
            ? undefined
            : String(Math.max(0, Math.floor((state.finishedAt - state.startedAt) / 1000))),
      }),
    ),
  ];
  const events = [...startEvents, ...(whileAway ? backdateEvents(ownEvents, state.finishedAt) : ownEvents)];
  const delayMs =
    state.startedAt === undefined && !startsAgain
      ? undefined
      : decideRestart(record.spec.lifecycle?.restartPolicy, lastRun(ended));
  if (delayMs !== undefined) {
    const waiting: ContainerRecord = {
      ...ended,
      state: { ...state, status: "restarting" },
      // A start that failed for a shortage is no restart.
      restartCount: record.restartCount + (startsAgain ? 0 : 1),
      restartDelayMs: delayMs,
    };
    context.state.putContainer(waiting, { ends, events });
    fault("end.waiting");
    releaseEndpoints(context, record, plans);
    context.live.delete(record.id);
    context.attaches.cancel(record.id);
    context.waiters.wake(record.id, "exit", exitStatusOf(ended));
    sweepAfterRun(context, record.id);
    context.restarts.schedule(record.id, delayMs);
    return;
  }
  if (record.spec.lifecycle?.autoRemove === true && context.live.get(record.id)?.isRestarting !== true) {
    releaseEndpoints(context, record, plans);
    dropContainer(context, ended, {
      events,
      removesVolumes: true,
      removesImage: record.spec.lifecycle?.removeImage === true,
    });
    if (ends !== undefined) context.state.endIntent(ends);
    return;
  }
  context.state.putContainer(ended, { ends, events });
  fault("end.recorded");
  releaseEndpoints(context, record, plans);
  context.live.delete(record.id);
  context.attaches.cancel(record.id);
  context.waiters.wake(record.id, "exit", exitStatusOf(ended));
  sweepAfterRun(context, record.id);
}

/**
 * Takes the record away, and with `removesVolumes` its anonymous volumes that no other container has, with
 * `removesImage` its image unless something else has that: names are free when this returns, but for the image's, which
 * goes before those are woken who wait for the removal. The rest goes in the background, journalled.
 */
export function dropContainer(
  context: ContainerContext,
  record: ContainerRecord,
  {
    events = [],
    removesVolumes = false,
    removesImage = false,
  }: {
    readonly events?: readonly EngineEvent[] | undefined;
    readonly removesVolumes?: boolean | undefined;
    readonly removesImage?: boolean | undefined;
  } = {},
): void {
  const { id } = record;
  const begunAt = performance.now();
  context.restarts.cancel(id);
  const volumes = removesVolumes ? anonymousVolumes(record.spec.storage?.mounts ?? []) : [];
  const image = removesImage ? record.image : undefined;
  const allEvents = [...events, containerEvent(record, "destroy")];
  const intent = context.state.removeContainer(id, allEvents, {
    volumes: volumes.length === 0 ? undefined : volumes,
    image,
  });
  fault("remove.recorded");
  if (volumes.length > 0) context.volumes.removeUnused(volumes);
  context.secrets.release(record.spec.storage?.secrets);
  context.live.delete(id);
  context.attaches.cancel(id);
  context.execs.forget(id);
  const status = exitStatusOf(record);
  context.waiters.wake(id, "exit", status);
  const wakeAll = (): void => context.waiters.wake(id, "removed", status);
  const imageGone = image === undefined ? undefined : removeImageOf(context, { id, image }).finally(wakeAll);
  if (imageGone === undefined) wakeAll();
  void context.background
    .run(id, async () => {
      await imageGone;
      await sweepAll(context, { id, intent });
      context.meter?.containerAction("delete", performance.now() - begunAt);
    })
    .then(() => {
      const known = new Set<string>(context.state.images().map((image) => image.id));
      if (!imagesOf(record).every((image) => known.has(image)) && !context.closing.aborted)
        context.collectGarbage();
    });
}

/** The image that goes with a container. What uses it keeps it: that is no failure. */
export async function removeImageOf(
  context: ContainerContext,
  { id, image }: Pick<ContainerRecord, "id" | "image">,
): Promise<void> {
  if (context.closing.aborted) return;
  try {
    await context.removeImage(image);
  } catch (thrown) {
    if (["conflict", "not-found"].includes(kindOf(thrown))) return;
    context.background.note(id, `its image "${image}" cannot be removed: ${sentenceOf(thrown)}`);
  }
}

/**
 * The kills that events reported while the container ran. A cgroup below the container's own may be gone by now, with
 * its count.
 */
function noticedKills({ state }: ContainerRecord): number {
  return state.status === "running" || state.status === "paused" ? (state.oomKills ?? 0) : 0;
}

/** Everything that a container leaves; then the intent has done its work. Idempotent. */
export async function sweepAll(
  context: ContainerContext,
  { id, intent }: { readonly id: ContainerId; readonly intent: IntentId },
): Promise<void> {
  await sweepCgroup(context, id);
  fault("sweep.cgroup");
  await whenFree("remove the file system", () => context.dependencies.storage.removeSnapshot(id));
  fault("sweep.snapshot");
  await removeDirectory(context.paths.run(id));
  fault("sweep.run");
  await context.logForwarding.finish(id);
  await removeDirectory(context.paths.data(id));
  fault("sweep.data");
  // A data root that is being closed is swept at the next open.
  if (context.closing.aborted) return;
  context.state.endIntent(intent);
  context.dependencies.cgroups.release(id);
  fault("sweep.done");
}

/** Kills what is left in it and removes it; fine when absent. */
export async function sweepCgroup(context: ContainerContext, id: ContainerId): Promise<void> {
  const { cgroups } = context.dependencies;
  // Looking into one that is not there would make the directories above it.
  if (cgroups.exists(id)) {
    const cgroup = cgroups.open(id);
    if (cgroup.pids().length > 0) await cgroup.killAll();
    await cgroup.remove();
  }
  fault("end.emptied");
  cgroups.leaveParent(id);
}

function sweepAfterRun(context: ContainerContext, id: ContainerId): void {
  void context.background.run(id, async () => {
    await sweepCgroup(context, id);
    fault("end.swept");
  });
}

/** Retries while "conflict" reports that another process, such as an ending keeper, still holds the resource. */
export async function whenFree<T>(what: string, work: () => Promise<T>): Promise<T> {
  let busy: Failure | undefined;
  try {
    const { done } = await poll(
      async () => {
        try {
          return { done: await work() };
        } catch (thrown) {
          if (!isFailure(thrown, "conflict")) throw thrown;
          busy = thrown;
          return undefined;
        }
      },
      { everyMs: 3, timeoutMs: BUSY_MS, what },
    );
    return done;
  } catch (thrown) {
    throw kindOf(thrown) === "deadline" ? (busy ?? thrown) : thrown;
  }
}
