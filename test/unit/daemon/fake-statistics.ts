import type { ContainerStatistics } from "../../../src/model/statistics.ts";

type CpuSample = NonNullable<ContainerStatistics["previous"]>;

/** Half of one of two CPUs is used, 48 of 64 MiB of memory, of which 16 could be dropped. */
export function fakeStatistics({
  id,
  name,
  at,
}: {
  readonly id: string;
  readonly name: string;
  readonly at: number;
}): ContainerStatistics {
  const line = { avg10: 1.5, avg60: 0.5, avg300: 0, totalUs: 2500 };
  return {
    id,
    name,
    sample: {
      ...cpuSample(at),
      memory: {
        usageBytes: 48 << 20,
        maxUsageBytes: 50 << 20,
        limitBytes: 64 << 20,
        failures: 0,
        details: { inactive_file: 16 << 20, hierarchical_memory_limit: 2 ** 63 - 4096 },
      },
      pids: { current: 3 },
      io: {
        bytes: [
          { major: 8, minor: 0, operation: "read", count: 4096 },
          { major: 8, minor: 0, operation: "write", count: 1_500_000 },
        ],
        operations: [{ major: 8, minor: 0, operation: "read", count: 1 }],
      },
      hugePages: { "2MB": { usageBytes: 2 << 20, failures: 1 } },
      pressure: { cpu: { some: line }, io: { some: line, full: line } },
      networks: {
        eth0: {
          receivedBytes: 1000,
          receivedPackets: 10,
          receivedErrors: 0,
          receivedDropped: 1,
          sentBytes: 2_000_000,
          sentPackets: 20,
          sentErrors: 2,
          sentDropped: 0,
        },
      },
    },
    ...(at === 0 ? {} : { previous: cpuSample(at - 1) }),
  };
}

function cpuSample(at: number): CpuSample {
  return {
    takenAtNs: 1_700_000_000_000_000_000n + BigInt(at) * 1_000_000_000n,
    cpu: {
      totalNs: at * 500_000_000,
      userNs: at * 400_000_000,
      systemNs: at * 100_000_000,
      perCpuNs: [at * 500_000_000, 0],
      throttling: { periods: at * 10, throttledPeriods: at, throttledNs: at * 1000 },
    },
    host: { totalNs: at * 2_000_000_000, onlineCpus: 2 },
  };
}
