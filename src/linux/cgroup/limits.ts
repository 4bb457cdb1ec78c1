import type { BlockDeviceLimits, BlockIoLimits, CgroupLimits } from "../../model/limits.ts";
import type { RuntimeResources } from "../../spec/runtime-config.ts";

/** The limits in an OCI runtime configuration. */
export function limitsOf(resources: RuntimeResources): CgroupLimits {
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
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
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
    ...(blockIo.weight === undefined ? {} : { weight: blockIo.weight }),
    ...(devices.size === 0 ? {} : { devices: [...devices.values()] }),
  };
}
