import { totalmem } from "node:os";
import { sleep } from "../../../base/deadline.ts";
import { readHostCpuTime } from "../../../linux/process/cpu-time.ts";
import { readNetworkCounters } from "../../../linux/process/network-counters.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import type { ContainerStatistics, StatisticsOptions, StatisticsSample } from "../../../model/statistics.ts";
import { cgroupOf, type ContainerContext, isRunning } from "../../context.ts";
import { getContainer } from "../../find-container.ts";
import { findNetworkOwner } from "../../network-owner.ts";
import type { ContainerRecord } from "../../state/records.ts";

const STREAM_MS = 1_000;
/** Fifty ticks of the host's clock: enough for a share of the CPU that is right to two percent. */
const ONCE_MS = 500;

/** See Containers.stats(). */
export async function* containerStatistics(
  context: ContainerContext,
  reference: ContainerReference,
  { samples = "stream", signal }: StatisticsOptions = {},
): AsyncGenerator<ContainerStatistics, void, undefined> {
  const { id } = getContainer(context.state, reference);
  const ended = signal === undefined ? context.closing : AbortSignal.any([signal, context.closing]);
  let previous: StatisticsSample | undefined;
  if (samples === "once") {
    previous = await takeSample(context, getContainer(context.state, id));
    if (previous !== undefined && !(await waited(ONCE_MS, ended))) return;
  }
  for (let nextMs = performance.now() + STREAM_MS; ; nextMs += STREAM_MS) {
    const record = context.state.findContainer(id);
    if (record === undefined) return;
    const sample = await takeSample(context, record);
    yield {
      id,
      name: record.name,
      sample,
      previous: sample === undefined || previous === undefined ? undefined : cpuOf(previous),
    };
    previous = sample;
    nextMs = Math.max(nextMs, performance.now()); // a slow reader gets no burst
    if (samples !== "stream" || !(await waited(nextMs - performance.now(), ended))) return;
  }
}

async function takeSample(
  context: ContainerContext,
  record: ContainerRecord,
): Promise<StatisticsSample | undefined> {
  const kept = context.live.get(record.id)?.kept;
  if (kept === undefined || !isRunning(record)) return undefined;
  const statistics = await cgroupOf(context, record).statistics();
  if (statistics?.cpu === undefined) return undefined; // it has just ended
  const { cpu, memory, ...others } = statistics;
  const limitBytes = Math.min(memory?.limitBytes ?? Number.POSITIVE_INFINITY, totalmem());
  return {
    ...others,
    cpu,
    memory: memory && { ...memory, limitBytes },
    takenAtNs: BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n,
    host: readHostCpuTime(),
    networks:
      findNetworkOwner(context, record)?.spec.isolation?.namespaces?.network !== "host"
        ? readNetworkCounters(kept)
        : {},
  };
}

function cpuOf({ takenAtNs, cpu, host }: StatisticsSample): ContainerStatistics["previous"] & object {
  return { takenAtNs, cpu, host };
}

/** False when it was not waited for to the end. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(Math.max(0, ms), { signal });
    return true;
  } catch {
    return false;
  }
}
