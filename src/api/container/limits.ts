import { mergeDefined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type { ContainerLimits } from "../../model/limits.ts";
import type { HostConfig, Resources } from "../types/host-config.ts";
import { parseBlockIo } from "./block-io.ts";
import { parseHugePages } from "./huge-pages.ts";

/** Field of the API → field of the limits; 0 and empty mean no limit and are left out. */
export const limitNames: readonly (readonly [keyof Resources, keyof ContainerLimits])[] = [
  ["Memory", "memoryBytes"],
  ["MemorySwap", "memorySwapBytes"],
  ["MemoryReservation", "memoryReservationBytes"],
  ["KernelMemoryTCP", "kernelTcpBytes"],
  ["CpuShares", "cpuShares"],
  ["CpuQuota", "cpuQuotaUs"],
  ["CpuPeriod", "cpuPeriodUs"],
  ["NanoCpus", "nanoCpus"],
  ["CpusetCpus", "cpusetCpus"],
  ["CpusetMems", "cpusetMems"],
  ["PidsLimit", "pidsLimit"],
  ["OomKillDisable", "oomKillDisable"],
  ["CpuRealtimePeriod", "cpuRealtimePeriodUs"],
  ["CpuRealtimeRuntime", "cpuRealtimeRuntimeUs"],
];
const minimumMemoryBytes = 6 * 1024 * 1024;

/** Throws Failure("invalid") for limits that contradict each other, in Docker's words. */
export function parseLimits(hostConfig: HostConfig): ContainerLimits {
  const limits = parseNamed(hostConfig);
  requirePossible(limits);
  const { MemorySwappiness: swappiness } = hostConfig;
  // −1 is Docker's other word for no limit. Of the quota it stays, since inspect of dockerd shows it.
  const { pidsLimit, ...others } = limits;
  const counted = {
    pidsLimit: pidsLimit === undefined || pidsLimit < 0 ? undefined : pidsLimit,
    memorySwappiness: swappiness === -1 ? undefined : (swappiness ?? undefined),
  };
  return mergeDefined<ContainerLimits>(others, counted, parseRareLimits(hostConfig));
}

/**
 * The changes that `POST /containers/{id}/update` requests: 0 and empty leave a limit as it is, −1 lifts it; 0 also
 * lifts the limit of processes.
 */
export function parseChangedLimits(resources: HostConfig): ContainerLimits {
  const { PidsLimit: pidsLimit } = resources;
  const lifted = typeof pidsLimit === "number" && pidsLimit <= 0 ? { pidsLimit: 0 } : undefined;
  return mergeDefined(parseNamed(resources), lifted, parseRareLimits(resources));
}

function parseNamed(resources: Resources): ContainerLimits {
  return Object.fromEntries(
    limitNames.flatMap(([from, to]) => {
      const value = resources[from];
      const isSet = value !== undefined && value !== null && value !== 0 && value !== "" && value !== false;
      return isSet ? [[to, value]] : [];
    }),
  ) as ContainerLimits;
}

function parseRareLimits(hostConfig: HostConfig): ContainerLimits {
  const blockIo = parseBlockIo(hostConfig);
  const { HugePageLimits: hugePages, CgroupConf: unified } = hostConfig.Tare ?? {};
  return {
    blockIo,
    hugePages: hugePages === undefined || hugePages === null ? undefined : parseHugePages(hugePages),
    unified: unified ?? undefined,
  };
}

function requirePossible(limits: ContainerLimits): void {
  const { memoryBytes = 0, memorySwapBytes = 0, memoryReservationBytes = 0 } = limits;
  if (memoryBytes > 0 && memoryBytes < minimumMemoryBytes) {
    throw new Failure("invalid", "Minimum memory limit allowed is 6MB");
  }
  if (memorySwapBytes > 0 && memoryBytes === 0) {
    throw new Failure(
      "invalid",
      "You should always set the Memory limit when using Memoryswap limit, see usage",
    );
  }
  if (memorySwapBytes > 0 && memorySwapBytes < memoryBytes) {
    throw new Failure("invalid", "Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (memoryReservationBytes > 0 && memoryBytes > 0 && memoryReservationBytes > memoryBytes) {
    throw new Failure(
      "invalid",
      "Minimum memory limit can not be less than memory reservation limit, see usage",
    );
  }
}
