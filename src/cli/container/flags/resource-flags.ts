import { bool, bytes, int, list, map, nanoCpus, string } from "../../flags/kinds.ts";
import {
  checkBps,
  checkIops,
  checkWeightDevice,
  parseBps,
  parseIops,
  parseWeightDevice,
} from "./parsers/block-io.ts";
import { parseUlimit } from "../../flags/ulimit.ts";
import { oneOf } from "./isolation-flags.ts";
import { type FieldTable, toHost, toTare } from "./request-fields.ts";

/** Flags about cgroups, limits of resources and scheduling. Those of Windows change nothing here, as with Docker. */
export interface ResourceValues {
  readonly "blkio-weight": number | undefined;
  readonly "blkio-weight-device": readonly string[];
  readonly "cgroup-conf": Readonly<Record<string, string>>;
  readonly "cgroup-parent": string;
  readonly cgroups: string;
  readonly "cpu-count": number | undefined;
  readonly "cpu-percent": number | undefined;
  readonly "cpu-period": number | undefined;
  readonly "cpu-quota": number | undefined;
  readonly "cpu-rt-period": number | undefined;
  readonly "cpu-rt-runtime": number | undefined;
  readonly "cpu-shares": number | undefined;
  /** Billionths. */
  readonly cpus: number | undefined;
  readonly "cpuset-cpus": string;
  readonly "cpuset-mems": string;
  readonly "device-read-bps": readonly string[];
  readonly "device-read-iops": readonly string[];
  readonly "device-write-bps": readonly string[];
  readonly "device-write-iops": readonly string[];
  readonly "hugetlb-limit": Readonly<Record<string, string>>;
  readonly "io-maxbandwidth": number | undefined;
  readonly "io-maxiops": number | undefined;
  readonly "kernel-memory": number | undefined;
  readonly memory: number | undefined;
  readonly "memory-reservation": number | undefined;
  /** −1: without limit. */
  readonly "memory-swap": number | undefined;
  readonly "memory-swappiness": number | undefined;
  readonly "oom-kill-disable": boolean;
  readonly "oom-score-adj": number | undefined;
  readonly "pids-limit": number | undefined;
  readonly "rdt-class": string;
  readonly ulimit: readonly string[];
}

const rates = { initialText: "[]" } as const;

export const resourceFlags: FieldTable<ResourceValues> = {
  "blkio-weight": toHost(
    "BlkioWeight",
    int("Block IO (relative weight), between 10 and 1000, or 0 to disable", {
      type: "uint16",
      initialText: "0",
    }),
  ),
  "blkio-weight-device": toHost(
    "BlkioWeightDevice",
    list("Block IO weight (relative device weight)", { ...rates, check: checkWeightDevice }),
    (texts) => texts.map(parseWeightDevice),
  ),
  "cgroup-conf": toTare(
    "CgroupConf",
    map("Set a file of the container's cgroup v2 (memory.high=1073741824) (not in Docker)"),
  ),
  "cgroup-parent": toHost("CgroupParent", string("Optional parent cgroup for the container")),
  cgroups: toTare(
    "Cgroups",
    string(
      'Cgroup of the container: "enabled" (same as "no-conmon"), "disabled" for none, "split" for one below the daemon\'s own (not in Docker)',
      {
        words: ["enabled", "disabled", "no-conmon", "split"],
        check: oneOf("enabled", "disabled", "no-conmon", "split"),
      },
    ),
    (mode) => (["disabled", "split"].includes(mode) ? mode : undefined),
  ),
  "cpu-count": toHost("CpuCount", int("CPU count (Windows only)")),
  "cpu-percent": toHost("CpuPercent", int("CPU percent (Windows only)")),
  "cpu-period": toHost("CpuPeriod", int("Limit CPU CFS (Completely Fair Scheduler) period")),
  "cpu-quota": toHost("CpuQuota", int("Limit CPU CFS (Completely Fair Scheduler) quota")),
  "cpu-rt-period": toHost("CpuRealtimePeriod", int("Limit CPU real-time period in microseconds")),
  "cpu-rt-runtime": toHost("CpuRealtimeRuntime", int("Limit CPU real-time runtime in microseconds")),
  "cpu-shares": toHost("CpuShares", int("CPU shares (relative weight)", { short: "c" })),
  cpus: toHost("NanoCpus", nanoCpus("Number of CPUs")),
  "cpuset-cpus": toHost("CpusetCpus", string("CPUs in which to allow execution (0-3, 0,1)")),
  "cpuset-mems": toHost("CpusetMems", string("MEMs in which to allow execution (0-3, 0,1)")),
  "device-read-bps": toHost(
    "BlkioDeviceReadBps",
    list("Limit read rate (bytes per second) from a device", { ...rates, check: checkBps }),
    (texts) => texts.map(parseBps),
  ),
  "device-read-iops": toHost(
    "BlkioDeviceReadIOps",
    list("Limit read rate (IO per second) from a device", { ...rates, check: checkIops }),
    (texts) => texts.map(parseIops),
  ),
  "device-write-bps": toHost(
    "BlkioDeviceWriteBps",
    list("Limit write rate (bytes per second) to a device", { ...rates, check: checkBps }),
    (texts) => texts.map(parseBps),
  ),
  "device-write-iops": toHost(
    "BlkioDeviceWriteIOps",
    list("Limit write rate (IO per second) to a device", { ...rates, check: checkIops }),
    (texts) => texts.map(parseIops),
  ),
  "hugetlb-limit": toTare("HugePageLimits", map("Limit huge pages of a size (2MB=512m) (not in Docker)")),
  "io-maxbandwidth": toHost(
    "IOMaximumBandwidth",
    bytes("Maximum IO bandwidth limit for the system drive (Windows only)"),
  ),
  "io-maxiops": toHost(
    "IOMaximumIOps",
    int("Maximum IOps limit for the system drive (Windows only)", { type: "uint" }),
  ),
  // Accepted and ignored, as by Docker.
  "kernel-memory": bytes("Kernel memory limit", { isHidden: true }),
  memory: toHost("Memory", bytes("Memory limit", { short: "m" })),
  "memory-reservation": toHost("MemoryReservation", bytes("Memory soft limit")),
  "memory-swap": toHost(
    "MemorySwap",
    bytes("Swap limit equal to memory plus swap: '-1' to enable unlimited swap", { unlimited: true }),
  ),
  "memory-swappiness": toHost(
    "MemorySwappiness",
    int("Tune container memory swappiness (0 to 100)", { initialText: "-1" }),
  ),
  "oom-kill-disable": toHost("OomKillDisable", bool("Disable OOM Killer")),
  "oom-score-adj": toHost("OomScoreAdj", int("Tune host's OOM preferences (-1000 to 1000)")),
  "pids-limit": toHost("PidsLimit", int("Tune container pids limit (set -1 for unlimited)")),
  "rdt-class": toTare(
    "RdtClass",
    string("Resctrl class (cache and memory bandwidth): a directory in /sys/fs/resctrl (not in Docker)"),
  ),
  ulimit: toHost(
    "Ulimits",
    list("Ulimit options", { type: "ulimit", initialText: "[]", check: checkUlimit }),
    (texts) => texts.map(parseUlimit),
  ),
};

function checkUlimit(text: string): string {
  parseUlimit(text);
  return text;
}
