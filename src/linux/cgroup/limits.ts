import type { RuntimeResources } from "../../spec/runtime-config.ts";

/** Resource limits with Docker's meanings; what is absent is not limited. */
export interface CgroupLimits {
  readonly memoryBytes?: number;
  /** Memory and swap together; −1 is unlimited. Absent with a memory limit: twice that. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly oomKillDisable?: boolean;
  /** A share among neighbours: 2 to 262144, usual 1024. */
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  /** CPU time in each period; −1 is unlimited. */
  readonly cpuQuotaUs?: number;
  /** Instead of period and quota: 10⁹ is one CPU. */
  readonly nanoCpus?: number;
  /** `0-3,8` */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** Processes and threads; 0 and −1 are unlimited. */
  readonly pidsLimit?: number;
  /** 0 to 100: how readily its memory is swapped out (v1 only). */
  readonly memorySwappiness?: number;
  /** Memory for buffers of TCP (v1 only). */
  readonly kernelTcpBytes?: number;
  /** CPU time that real-time scheduling may take in each period (v1 only). */
  readonly cpuRealtimePeriodUs?: number;
  readonly cpuRealtimeRuntimeUs?: number;
  readonly blockIo?: BlockIoLimits;
  /** Bytes by the size of the pages: `2MB`. */
  readonly hugePages?: Readonly<Record<string, number>>;
  /** Files of v2 and what is written to them, as the caller says: `memory.high`. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface BlockIoLimits {
  /** A share among neighbours: 10 to 1000, usual 500. */
  readonly weight?: number;
  readonly devices?: readonly BlockDeviceLimits[];
}

/** Of one block device; rates are a second's, 0 is unlimited. */
export interface BlockDeviceLimits extends BlockDeviceRates {
  readonly major: number;
  readonly minor: number;
}

export interface BlockDeviceRates {
  readonly weight?: number;
  readonly readBps?: number;
  readonly writeBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}

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
