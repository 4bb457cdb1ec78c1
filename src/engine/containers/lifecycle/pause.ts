import { Failure } from "../../../base/failure.ts";
import { fault } from "../../../base/fault.ts";
import { endHealth } from "../../resolve/health-check.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerState } from "../../../model/container-state.ts";
import type { ContainerId, ContainerReference } from "../../../model/ids.ts";
import { cgroupOf, type ContainerContext } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { getContainer } from "../../find-container.ts";
import { withHealth } from "./running-record.ts";

type Live = Extract<ContainerState, { status: "running" | "paused" }>;

/** Freezes every process of it. "conflict" when it does not run or is paused already. */
export async function pauseContainer(
  context: ContainerContext,
  reference: ContainerReference,
): Promise<void> {
  const { id } = getContainer(context.state, reference);
  using _ = await context.locks.acquire(id);
  const record = getContainer(context.state, id);
  const { state } = record;
  if (state.status !== "running" || !context.live.has(id)) {
    throw refuse("pause", record, state.status === "paused" ? "it is paused already" : "it is not running");
  }
  await context.health.stop(id);
  using _execs = await context.execs.hold(id);
  const cgroup = cgroupOf(context, record);
  try {
    await cgroup.freeze();
    fault("pause.frozen");
    putStatus(context, withHealth(record, endHealth(record.health)), { ...state, status: "paused" });
    fault("pause.recorded");
  } catch (thrown) {
    cgroup.thaw();
    watchHealth(context, id);
    throw thrown;
  }
}

/** Lets it go on. "conflict" when it is not paused. */
export async function unpauseContainer(
  context: ContainerContext,
  reference: ContainerReference,
): Promise<void> {
  const { id } = getContainer(context.state, reference);
  if (await thawPaused(context, id)) return;
  throw refuse("unpause", getContainer(context.state, id), "it is not paused");
}

/** Idempotent. False when it was not paused. */
export async function thawPaused(context: ContainerContext, id: ContainerId): Promise<boolean> {
  using _ = await context.locks.acquire(id);
  const record = context.state.findContainer(id);
  if (record?.state.status !== "paused") return false;
  cgroupOf(context, record).thaw();
  fault("unpause.thawed");
  putStatus(context, record, { ...record.state, status: "running" });
  watchHealth(context, id);
  fault("unpause.recorded");
  return true;
}

function watchHealth(context: ContainerContext, id: ContainerId): void {
  const [record, live] = [context.state.findContainer(id), context.live.get(id)];
  if (record !== undefined && live !== undefined) context.health.watch(record, live.kept);
}

/** The kernel's freezer state of a running container: the engine may have ended between freezing and recording it. */
export function withFrozenState(context: ContainerContext, record: ContainerRecord): ContainerRecord {
  const { state } = record;
  if (state.status !== "running" && state.status !== "paused") return record;
  const status = cgroupOf(context, record).isFrozen() ? "paused" : "running";
  if (status === state.status) return record;
  const changed: ContainerRecord = { ...record, state: { ...state, status } };
  context.state.putContainer(changed);
  return changed;
}

function putStatus(context: ContainerContext, record: ContainerRecord, state: Live): void {
  const event = containerEvent(record, state.status === "paused" ? "pause" : "unpause");
  context.state.putContainer({ ...record, state }, { events: [event] });
}

function refuse(verb: string, { id, name, state }: ContainerRecord, why: string): Failure {
  return new Failure("conflict", `cannot ${verb} container "${name}": ${why}`, {
    details: { state: state.status, id },
  });
}
