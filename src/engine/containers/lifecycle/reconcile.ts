import { rm } from "node:fs/promises";
import { fault } from "../../../base/fault.ts";
import type { Exit, KeptProcess } from "../../../runtime/types.ts";
import type { ContainerRecord, Intent, IntentId } from "../../state/records.ts";
import { cgroupOf, type ContainerContext, isRunning } from "../../context.ts";
import { undoCreate } from "./create.ts";
import {
  dropContainer,
  type ExitedState,
  recordEnd,
  removeImageOf,
  stateAfter,
  sweepAll,
  sweepCgroup,
} from "./end-run.ts";
import { watchOrphanedExecs } from "../exec/orphaned-execs.ts";
import { withFrozenState } from "./pause.ts";
import { beginHealth, resolveHealthCheck } from "../../resolve/health-check.ts";
import { listKeepers } from "../../host/keepers.ts";
import { finishConnection, openLiveNetwork } from "../../networks/connect.ts";
import { plansOf, releaseEndpoints, withPlans } from "../../networks/join-networks.ts";
import { announceEndpoint } from "../../networks/names.ts";
import { runningRecord, startEvents, withHealth, withStart } from "./running-record.ts";
import { removeDirectory } from "../files/remove-directory.ts";
import { sentenceOf } from "../../../base/failure.ts";
import { backdateEvents } from "../../describe-event.ts";
import { adopt } from "./adopt.ts";
import { isUnconfirmed } from "../../unconfirmed.ts";
import { listUnknownDirectories } from "../files/unknown-directories.ts";
import { undoUpdate } from "./update.ts";

/** So many keepers are asked at once. */
const AT_ONCE = 16;
/** As Docker shows a container that a reboot ended. */
const LOST_IN_REBOOT = 255;

/**
 * Brings records and reality together after the engine was away: steps that were begun are carried out or undone,
 * running containers are taken into care again, ended ones get their exit code, lost ones are killed.
 */
export async function reconcile(context: ContainerContext): Promise<void> {
  assignCgroups(context);
  for (const [id, intent] of context.state.intents()) {
    fault("reconcile.intent");
    await finishIntent(context, id, intent);
  }
  const running = context.state.containers().filter(isRunning);
  const next = running.values();
  const work = async (): Promise<void> => {
    for (const record of next) await reconcileContainer(context, record);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  dropHalfRestarted(context);
  for (const record of context.state.containers()) {
    watchOrphanedExecs(context, record.id);
    if (!context.live.has(record.id)) context.logForwarding.resume(record);
  }
  sweepEnded(context);
  if (!isUnconfirmed(context.state)) sweepUnknown(context);
  fault("reconcile.done");
}

/** One with autoRemove that has ended was to be started again: it goes, as Docker's does. So do steps of builds. */
function dropHalfRestarted(context: ContainerContext): void {
  for (const record of context.state.containers()) {
    const { lifecycle: { autoRemove, removeImage } = {} } = record.spec;
    const isLeft = record.isBuildStep === true && !isRunning(record);
    if (!isLeft && (autoRemove !== true || record.state.status !== "exited")) continue;
    dropContainer(context, record, { removesVolumes: true, removesImage: removeImage === true });
  }
}

function assignCgroups({ dependencies, state }: ContainerContext): void {
  for (const { id, spec } of state.containers()) {
    if (spec.resources?.cgroupParent !== undefined)
      dependencies.cgroups.assign(id, spec.resources?.cgroupParent, {
        split: spec.resources?.cgroups === "split",
      });
  }
  for (const [, intent] of state.intents()) {
    if (intent.kind !== "remove" || intent.cgroupParent === undefined) continue;
    dependencies.cgroups.assign(intent.containerId, intent.cgroupParent, { split: intent.isSplit === true });
  }
}

/** An end is recorded before its cgroup is gone: a kill between the two leaves that behind. */
function sweepEnded(context: ContainerContext): void {
  for (const name of context.dependencies.cgroups.list()) {
    const record = context.state.findContainer(name);
    if (record === undefined || isRunning(record) || context.live.has(record.id)) continue;
    void context.background.run(record.id, () => sweepCgroup(context, record.id));
  }
  // Or the cgroup was gone already, and what was made above it was not.
  for (const { id, spec } of context.state.containers()) {
    if (spec.resources?.cgroupParent !== undefined && !context.live.has(id))
      context.dependencies.cgroups.leaveParent(id);
  }
}

/** Directories without a record or an intent; a directory that a keeper holds open stays, and `check` reports it. */
function sweepUnknown(context: ContainerContext): void {
  const { state, paths, background } = context;
  const known = new Set<string>(state.containers().map(({ id }) => id));
  for (const [, intent] of state.intents()) if ("containerId" in intent) known.add(intent.containerId);
  const unknown = listUnknownDirectories(paths, (name) => known.has(name));
  if (unknown.length === 0) return;
  const kept = new Set(listKeepers(paths.allRuns).map(({ name }) => name));
  for (const { name, path } of unknown.filter((each) => !kept.has(each.name)))
    void background.run(name, () => removeDirectory(path));
}

async function finishIntent(context: ContainerContext, intentId: IntentId, intent: Intent): Promise<void> {
  // Volumes and networks have a reconcile() of their own.
  if (intent.kind === "remove-volume" || "network" in intent) return;
  const id = intent.containerId;
  switch (intent.kind) {
    case "create":
      // Its record would have ended the intent: there is none.
      void context.background.run(id, () =>
        undoCreate(context, { id, intent: intentId, volumes: intent.volumes ?? [] }),
      );
      return;
    case "remove":
      context.volumes.removeUnused(intent.volumes ?? []);
      void context.background.run(id, async () => {
        if (intent.image !== undefined) await removeImageOf(context, { id, image: intent.image });
        await sweepAll(context, { id, intent: intentId });
      });
      return;
    case "start":
      return await finishStart(context, { intentId, intent });
    case "update":
      undoUpdate(context, intent);
      return context.state.endIntent(intentId);
    case "connect":
    case "disconnect":
      return; // when it is known what runs: finishConnections()
    case "freeze":
      context.dependencies.cgroups.open(id).thaw();
      return context.state.endIntent(intentId);
    default:
      intent satisfies never;
  }
}

/** The process may run, or have run, or never have been made. */
async function finishStart(
  context: ContainerContext,
  { intentId, intent }: { readonly intentId: IntentId; readonly intent: Extract<Intent, { kind: "start" }> },
): Promise<void> {
  const record = context.state.findContainer(intent.containerId);
  if (record === undefined || context.live.has(record.id)) return context.state.endIntent(intentId);
  context.dependencies.cgroups.claimAbove(record.id, intent.cgroups ?? []);
  const joining = withPlans(record, intent.endpoints ?? []);
  const { begunAt, byPolicy = record.state.status === "restarting" } = intent;
  const start = { begunAt, byPolicy };
  const found = await find(context, record);
  fault("reconcile.found");
  if (found !== undefined && isKept(found)) {
    const running = runningRecord(context, joining, {
      process: found,
      startedAt: begunAt,
      ...start,
    });
    const events = backdateEvents(startEvents(context, running), begunAt);
    context.state.putContainer(running, { ends: intentId, events });
    adopt(context, running, found);
  } else if (found !== undefined && found.finishedAt >= intent.begunAt) {
    const begun = withStart(joining, start);
    const state = { ...stateAfter(context, record, found), startedAt: begunAt };
    const startedEvents = backdateEvents(startEvents(context, begun), begunAt);
    recordEnd(context, begun, { state, ends: intentId, startEvents: startedEvents, whileAway: true });
  } else {
    await sweepCgroup(context, record.id).catch(() => undefined);
    if (record.state.status === "restarting") {
      // As if it had not begun: it waits on, and resumeRestarts() starts it.
      releaseEndpoints(context, record, plansOf(joining));
      return context.state.endIntent(intentId);
    }
    const state: ExitedState = {
      status: "exited",
      code: 125,
      oomKilled: false,
      finishedAt: Date.now(),
      error: "the engine ended while it was being started",
    };
    recordEnd(context, joining, { state, ends: intentId });
  }
}

/**
 * Finishes or undoes interrupted changes of networks, and restores the kernel's state from the records. It must follow
 * reconcile(): before that, the ends of some containers are unknown, and those containers would lose their networks.
 */
export async function reconcileNetworks(context: ContainerContext): Promise<void> {
  const { state, networks } = context;
  try {
    for (const [id, intent] of state.intents()) {
      if (intent.kind !== "connect" && intent.kind !== "disconnect") continue;
      await finishConnection(context, intent);
      state.endIntent(id);
    }
    const running = state.containers().filter(isRunning);
    await networks.reconcile(running.flatMap(plansOf));
    for (const record of running) {
      const kept = context.live.get(record.id)?.kept;
      const plans = plansOf(record);
      if (kept === undefined || plans.length === 0) continue;
      using netns = openLiveNetwork(context, record);
      announceEndpoint(context, record, { plans, netns: netns.fd });
    }
  } catch (thrown) {
    // Without a network the rest of the engine works on.
    context.background.note("networks", sentenceOf(thrown));
  }
}

async function reconcileContainer(context: ContainerContext, record: ContainerRecord): Promise<void> {
  if (context.live.has(record.id) || !("startedAt" in record.state)) return;
  const startedAt = record.state.startedAt ?? 0;
  if (record.bootId !== context.dependencies.host.bootId) {
    const state: ExitedState = {
      status: "exited",
      code: LOST_IN_REBOOT,
      oomKilled: false,
      startedAt,
      finishedAt: Date.now(),
      error: "the machine was restarted",
    };
    await rm(context.paths.run(record.id), { recursive: true, force: true });
    return recordEnd(context, record, { state });
  }
  const found = await find(context, record);
  if (found !== undefined && isKept(found)) {
    return adopt(context, withBegunHealth(context, withFrozenState(context, record)), found);
  }
  if (found !== undefined && found.finishedAt >= startedAt - 1000) {
    return recordEnd(context, record, { state: stateAfter(context, record, found), whileAway: true });
  }
  const lost: Exit = { end: { signal: 9 }, finishedAt: Date.now(), keeperLost: true };
  const state = stateAfter(context, record, lost);
  await cgroupOf(context, record)
    .killAll()
    .catch(() => undefined);
  recordEnd(context, record, { state });
}

/** A run that an engine without health checks has started. */
function withBegunHealth(context: ContainerContext, record: ContainerRecord): ContainerRecord {
  if (record.health !== undefined) return record;
  const begun = withHealth(
    record,
    beginHealth(resolveHealthCheck(record.spec, record.imageConfig.defaults), undefined),
  );
  if (begun !== record) context.state.putContainer(begun);
  return begun;
}

async function find(
  context: ContainerContext,
  record: ContainerRecord,
): Promise<KeptProcess | Exit | undefined> {
  try {
    return await context.dependencies.runtime.reconnect(context.paths.run(record.id));
  } catch {
    return undefined; // an unreadable run directory is none
  }
}

function isKept(found: KeptProcess | Exit): found is KeptProcess {
  return "pid" in found;
}
