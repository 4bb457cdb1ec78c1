import { defined } from "../../base/defined.ts";
import type { BlockDeviceLimits, BlockIoLimits, CgroupLimits } from "../../model/limits.ts";
import type { RuntimeResources } from "../../spec/runtime-config.ts";
import { quotaOfCpus } from "./internal/effective-limits.ts";

/** The limits in an OCI runtime configuration. */
export function parseRuntimeResources(resources: RuntimeResources): CgroupLimits {
  const { memory, cpu, pids, unified } = resources;
  const pages = (resources.hugepageLimits ?? []).map(({ pageSize, limit }) => [pageSize, limit] as const);
  const limits = {
    memoryBytes: memory?.limit,
    memorySwapBytes: memory?.swap,
    memoryReservationBytes: memory?.reservation,
    oomKillDisable: memory?.disableOOMKiller,
    cpuShares: cpu?.shares,
    cpuPeriodUs: cpu?.period,
    cpuQuotaUs: cpu?.quota,
    cpusetCpus: cpu?.cpus,
    cpusetMems: cpu?.mems,
    pidsLimit: pids?.limit,
    memorySwappiness: memory?.swappiness,
    kernelTcpBytes: memory?.kernelTCP,
    cpuRealtimePeriodUs: cpu?.realtimePeriod,
    cpuRealtimeRuntimeUs: cpu?.realtimeRuntime,
    blockIo: resources.blockIO === undefined ? undefined : blockIoOf(resources.blockIO),
    hugePages: pages.length === 0 ? undefined : Object.fromEntries(pages),
    unified,
  };
  return defined(limits);
}

/** The same limits as an OCI runtime configuration has them; a number of CPUs becomes a quota. */
export function formatRuntimeResources({ nanoCpus, ...others }: CgroupLimits): RuntimeResources {
  const limits = nanoCpus === undefined || nanoCpus === 0 ? others : { ...others, ...quotaOfCpus(nanoCpus) };
  const { blockIo, hugePages } = limits;
  return defined({
    memory: defined({
      limit: limits.memoryBytes,
      swap: limits.memorySwapBytes,
      reservation: limits.memoryReservationBytes,
      disableOOMKiller: limits.oomKillDisable,
      swappiness: limits.memorySwappiness,
      kernelTCP: limits.kernelTcpBytes,
    }),
    cpu: defined({
      shares: limits.cpuShares,
      quota: limits.cpuQuotaUs,
      period: limits.cpuPeriodUs,
      cpus: limits.cpusetCpus,
      mems: limits.cpusetMems,
      realtimePeriod: limits.cpuRealtimePeriodUs,
      realtimeRuntime: limits.cpuRealtimeRuntimeUs,
    }),
    pids: limits.pidsLimit === undefined ? undefined : { limit: limits.pidsLimit },
    blockIO: blockIo === undefined ? undefined : formatBlockIo(blockIo),
    hugepageLimits:
      hugePages === undefined
        ? undefined
        : Object.entries(hugePages).map(([pageSize, limit]) => ({ pageSize, limit })),
    unified: limits.unified,
  });
}

const rates = [
  ["throttleReadBpsDevice", "readBps"],
  ["throttleWriteBpsDevice", "writeBps"],
  ["throttleReadIOPSDevice", "readIops"],
  ["throttleWriteIOPSDevice", "writeIops"],
] as const;

/** The specification has a list for each kind of limit, we have one of the devices. */
function blockIoOf(blockIo: NonNullable<RuntimeResources["blockIO"]>): BlockIoLimits {
  const devices = new Map<string, BlockDeviceLimits>();
  const add = ({ major, minor }: { readonly major: number; readonly minor: number }, more: object): void => {
    const key = `${major}:${minor}`;
    devices.set(key, { ...devices.get(key), major, minor, ...more });
  };
  for (const device of blockIo.weightDevice ?? []) add(device, { weight: device.weight });
  for (const [from, to] of rates)
    for (const device of blockIo[from] ?? []) add(device, { [to]: device.rate });
  return {
    weight: blockIo.weight,
    devices: devices.size === 0 ? undefined : [...devices.values()],
  };
}

function formatBlockIo({ weight, devices = [] }: BlockIoLimits): NonNullable<RuntimeResources["blockIO"]> {
  const weights = devices.flatMap(({ major, minor, weight: own }) =>
    own === undefined ? [] : [{ major, minor, weight: own }],
  );
  const throttles = rates.flatMap(([list, name]) => {
    const limited = devices.flatMap(({ major, minor, [name]: rate }) =>
      rate === undefined ? [] : [{ major, minor, rate }],
    );
    return limited.length === 0 ? [] : [[list, limited] as const];
  });
  return {
    weight,
    weightDevice: weights.length === 0 ? undefined : weights,
    ...Object.fromEntries(throttles),
  };
}
