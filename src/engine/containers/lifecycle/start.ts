import { fault } from "../../../base/fault.ts";
import { Failure, isShortage, sentenceOf } from "../../../base/failure.ts";
import type { Fd } from "../../../linux/kernel/fd.ts";
import type { EndpointPlan } from "../../../network/types.ts";
import type { EarlyStreams, StartedProcess } from "../../../runtime/types.ts";
import type { StartTiming } from "../../../model/container-state.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { getContainer } from "../../find-container.ts";
import { podLimitsOf } from "../../find-pod.ts";
import { releaseEndpoints, reserveEndpoints, withPlans } from "../../networks/join-networks.ts";
import { findAtStart } from "../../networks/find-at-start.ts";
import { updateLinkedHosts } from "../../networks/links.ts";
import { freeRestingAddresses } from "../../networks/resting-addresses.ts";
import type { ContainerRecord, IntentId } from "../../state/records.ts";
import { adopt } from "./adopt.ts";
import { recordEnd } from "./end-run.ts";
import { failureTo, launchFailure } from "./launch-failure.ts";
import { notifyStarted } from "./notify.ts";
import { PhaseClock } from "./phase-clock.ts";
import { openPidFiles, type WrittenPids } from "./pid-files.ts";
import { startRequired } from "./required-containers.ts";
import { runningRecord, startEvents } from "./running-record.ts";
import { type LaunchOptions, launchStart } from "./start/launch.ts";
import { planLaunch } from "./start/plan.ts";
import { prepareStart } from "./start/prepare.ts";
import { orClosing } from "./wait.ts";

/**
 * Starts it; the timing runs from this call to the program's first instruction. "conflict" with
 * details.alreadyRunning when it runs. A failed start leaves it exited with the reason (or removed, with autoRemove).
 */
export async function startContainer(
  context: ContainerContext,
  reference: ContainerReference,
  preserveFds: ReadonlyMap<number, Fd> = new Map(),
): Promise<StartTiming> {
  const clock = new PhaseClock();
  const { id } = getContainer(context.state, reference);
  await startRequired(context, id, (required) => startContainer(context, required));
  using _ = await context.locks.acquire(id);
  const record = getContainer(context.state, id);
  if (record.state.status === "paused") {
    throw new Failure("conflict", "cannot start a paused container, try unpause instead");
  }
  if (isRunning(record)) {
    throw new Failure("conflict", `cannot start container "${record.name}": it is running`, {
      details: { alreadyRunning: true },
    });
  }
  context.restarts.cancel(id);
  return await startHeld(context, record, { clock, byPolicy: false, preserveFds });
}

/** As startContainer(), of one that does not run and whose lock is held. */
export async function startHeld(
  context: ContainerContext,
  created: ContainerRecord,
  {
    clock,
    byPolicy,
    preserveFds = new Map(),
  }: {
    readonly clock: PhaseClock;
    readonly byPolicy: boolean;
    readonly preserveFds?: ReadonlyMap<number, Fd> | undefined;
  },
): Promise<StartTiming> {
  const { id } = created;
  await context.background.settled(id); // the run before may still be giving up its cgroup
  const cgroups = context.dependencies.cgroups.missingAbove(id);
  const { record, endpoints } = await reserveOrFail(context, created, { byPolicy });
  const joining = withPlans(record, endpoints);
  const begunAt = Date.now();
  // Before the program runs: clients ask for the output since then.
  let startedAt = begunAt;
  let intent: IntentId;
  try {
    intent = context.state.beginIntent({
      kind: "start",
      containerId: id,
      begunAt,
      byPolicy,
      cgroups: cgroups.length === 0 ? undefined : cgroups,
      endpoints: endpoints.length === 0 ? undefined : endpoints,
    });
  } catch (thrown) {
    releaseEndpoints(context, record, endpoints);
    throw thrown;
  }
  fault("start.intended");
  let started: StartedProcess;
  using pidFiles = new DisposableStack();
  let writePids: (pids: WrittenPids) => void;
  // Until the container is recorded as running, other users of the same volumes find them in use.
  using uses = new DisposableStack();
  const ended = Promise.withResolvers<void>();
  const endsAfter = orClosing(ended.promise, context.closing);
  try {
    const opened = pidFiles.use(openPidFiles(record.spec));
    writePids = (pids) => opened.write(pids);
    const connect = async (process: EarlyStreams): Promise<void> => {
      await context.attaches.connect(id, process, endsAfter);
      startedAt = Date.now();
    };
    started = await run(context, joining, { clock, uses, endpoints, preserveFds, connect });
  } catch (failed) {
    const thrown = failureTo("start the container", failed);
    recordEnd(context, joining, {
      state: failedState(thrown),
      ends: intent,
      startsAgain: byPolicy && isShortage(failed),
    });
    ended.resolve();
    throw launchFailure(thrown);
  }
  const timing = clock.finish(started.timing);
  const running = runningRecord(context, joining, {
    process: started.kept,
    startedAt,
    begunAt,
    byPolicy,
    timing,
  });
  fault("start.launched");
  context.state.putContainer(running, { ends: intent, events: startEvents(context, running) });
  fault("start.recorded");
  adopt(context, running, started.kept, ended);
  updateLinkedHosts(context, running);
  writePids(started.kept);
  notifyStarted(context, running, started.kept);
  // Clients that attached between the last check and now.
  if (context.attaches.isAwaited(id)) await context.attaches.connect(id, started.kept, endsAfter);
  context.meter?.containerAction("start", timing.totalMs);
  return timing;
}

/** As reserveEndpoints(), of networks that are there then; a start that fails for it has failed like any other. */
async function reserveOrFail(
  context: ContainerContext,
  created: ContainerRecord,
  { byPolicy }: { readonly byPolicy: boolean },
): Promise<{ readonly record: ContainerRecord; readonly endpoints: readonly EndpointPlan[] }> {
  let record = created;
  try {
    record = findAtStart(context, created);
    const { endpoints = [] } = record;
    for (const { networkId } of endpoints) await context.networks.prepare(networkId);
    await freeRestingAddresses(context, record.id, endpoints);
    return { record, endpoints: reserveEndpoints(context, record) };
  } catch (failed) {
    const thrown = failureTo("start the container", failed);
    recordEnd(context, record, {
      state: failedState(thrown),
      startsAgain: byPolicy && isShortage(failed),
    });
    throw launchFailure(thrown);
  }
}

/** Prepares, plans, launches. */
async function run(
  context: ContainerContext,
  record: ContainerRecord,
  { uses, ...options }: Omit<LaunchOptions, "planned" | "prepared"> & { readonly uses: DisposableStack },
): Promise<StartedProcess> {
  using _ = context.dependencies.prewarming.hold();
  await using opened = new AsyncDisposableStack();
  const prepared = await prepareStart(context, record, { ...options, uses, opened });
  const { host, cgroups } = context.dependencies;
  const podLimits = podLimitsOf(context.state, record);
  const planned = planLaunch(record, prepared, { host, layout: cgroups.layout, podLimits });
  return await launchStart(context, record, { ...options, prepared, planned });
}

function failedState(thrown: unknown): Parameters<typeof recordEnd>[2]["state"] {
  const { exitCode = 125 } = thrown instanceof Failure ? thrown.details : {};
  return {
    status: "exited",
    code: exitCode,
    oomKilled: false,
    finishedAt: Date.now(),
    error: sentenceOf(thrown),
  };
}
