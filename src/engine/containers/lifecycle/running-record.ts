import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerHealth } from "../../../model/health.ts";
import type { StartTiming } from "../../../model/container-state.ts";
import type { EngineEvent } from "../../../model/engine.ts";
import type { ContainerContext } from "../../context.ts";
import { beginHealth, resolveHealthCheck } from "../../resolve/health-check.ts";
import { containerEvent } from "../../describe-event.ts";
import { networkUseEvents } from "../../networks/join-networks.ts";
import { volumeUseEvents } from "../files/volume-uses.ts";

/** So many past starts are remembered (a log is cut into lines at them). */
const STARTS_KEPT = 16;

interface Start {
  /** Before its process began: the first line of its log is not older. */
  readonly begunAt: number;
  /** Whether the restart policy caused it. Any other start clears what the policy counts. */
  readonly byPolicy: boolean;
}

/** Adds a start to the record; its state stays. */
export function withStart(record: ContainerRecord, { begunAt, byPolicy }: Start): ContainerRecord {
  const { stoppedByHand: _, restartDelayMs, lastTiming: __, ...kept } = record;
  return {
    ...kept,
    ...(byPolicy ? (restartDelayMs === undefined ? {} : { restartDelayMs }) : { restartCount: 0 }),
    starts: [...record.starts, begunAt].slice(-STARTS_KEPT),
  };
}

/** The record with a health, or without one. */
export function withHealth(record: ContainerRecord, health: ContainerHealth | undefined): ContainerRecord {
  if (health !== undefined) return { ...record, health };
  if (record.health === undefined) return record;
  const { health: _, ...rest } = record;
  return rest;
}

/** The record of a container whose process was started and runs. */
export function runningRecord(
  context: ContainerContext,
  record: ContainerRecord,
  {
    process,
    startedAt,
    timing,
    ...start
  }: Start & {
    readonly process: { readonly pid: number; readonly startTime: bigint };
    readonly startedAt: number;
    /** Unknown when the engine ended in between. */
    readonly timing?: StartTiming | undefined;
  },
): ContainerRecord {
  const check = resolveHealthCheck(record.spec, record.imageConfig.defaults);
  return {
    ...withHealth(withStart(record, start), beginHealth(check, record.health)),
    state: { status: "running", pid: process.pid, startedAt },
    startTime: String(process.startTime),
    bootId: context.dependencies.host.bootId,
    lastTiming: timing ?? record.lastTiming,
  };
}

/** Docker's events of a start: what it uses, then the start. */
export function startEvents(context: ContainerContext, record: ContainerRecord): readonly EngineEvent[] {
  return [
    ...networkUseEvents(context, record, "connect"),
    ...volumeUseEvents(record, "mount"),
    containerEvent(record, "start"),
  ];
}
