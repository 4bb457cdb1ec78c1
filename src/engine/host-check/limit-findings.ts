import type { HostFinding } from "../../model/host-check.ts";
import type { HostFacts } from "./facts.ts";
import { inGroup, notVisible } from "./finding.ts";

const limits = inGroup("limits");

interface Threshold {
  readonly check: string;
  readonly value: (facts: HostFacts["limits"]) => number;
  readonly sysctl: string;
  /** Below it there is a warning. */
  readonly least: number;
  /** The value that the fix sets. */
  readonly wanted: number;
  readonly affects: string;
}

const thresholds: readonly Threshold[] = [
  {
    check: "processes",
    value: ({ pidMax }) => pidMax,
    sysctl: "kernel.pid_max",
    least: 32_768,
    wanted: 4_194_304,
    affects: "all containers together have at most so many processes and threads",
  },
  {
    check: "threads",
    value: ({ threadsMax }) => threadsMax,
    sysctl: "kernel.threads-max",
    least: 8_192,
    wanted: 65_536,
    affects: "all containers together have at most so many processes and threads",
  },
  {
    check: "inotify instances",
    value: ({ inotifyInstances }) => inotifyInstances,
    sysctl: "fs.inotify.max_user_instances",
    least: 128,
    wanted: 1024,
    affects: "programs in containers that watch files, and oom events on cgroup v2",
  },
  {
    check: "inotify watches",
    value: ({ inotifyWatches }) => inotifyWatches,
    sysctl: "fs.inotify.max_user_watches",
    least: 8_192,
    wanted: 524_288,
    affects: "programs in containers that watch files",
  },
  {
    check: "memory mappings",
    value: ({ maxMapCount }) => maxMapCount,
    sysctl: "vm.max_map_count",
    least: 65_530,
    wanted: 262_144,
    affects: "databases and search engines in containers, which ask for 262144",
  },
];

/** An engine serves as many connections as half of this allows. */
const fewOpenFiles = 65_536;
const wantedOpenFiles = 1_048_576;
const fewKeys = 1000;

/** Pure. */
export function findLimitFaults(facts: HostFacts): readonly HostFinding[] {
  return [
    openFiles(facts),
    ...thresholds.map(({ check, value, sysctl, least, wanted, affects }) => {
      const present = value(facts.limits);
      const found = `${sysctl} is ${present}`;
      if (present >= least) return limits(check, found);
      return limits(check, found, { status: "warning", affects, fix: [`sysctl -w ${sysctl}=${wanted}`] });
    }),
    keys(facts),
    connections(facts),
  ];
}

function openFiles({ limits: { openFiles: hard }, daemon, privileges }: HostFacts): HostFinding {
  if (hard === undefined) return limits("open files", notVisible, { status: "info" });
  const found = hard < 0 ? "unlimited" : `at most ${hard}`;
  if (hard < 0 || hard >= fewOpenFiles) return limits("open files", found);
  if (daemon.hasService) return limits("open files", `${found} here; the service has a limit of its own`);
  return limits("open files", `${found} for a daemon that is started here`, {
    status: "warning",
    affects: "containers with many connections, and many attached clients at a time",
    // Only CAP_SYS_RESOURCE raises a hard limit.
    fix: privileges.lacking.includes("CAP_SYS_RESOURCE") ? [] : [`ulimit -Hn ${wantedOpenFiles}`],
  });
}

function keys({ limits: { rootKeys } }: HostFacts): HostFinding {
  if (rootKeys === undefined) return limits("keys", "this kernel has none");
  const found = `kernel.keys.root_maxkeys is ${rootKeys}`;
  if (rootKeys >= fewKeys) return limits("keys", found);
  return limits("keys", found, {
    status: "warning",
    affects: "programs in containers that use the kernel's keyrings",
    fix: ["sysctl -w kernel.keys.root_maxkeys=1000000"],
  });
}

function connections({ limits: { connections: tracked } }: HostFacts): HostFinding {
  if (tracked === undefined) return limits("tracked connections", "none are tracked yet");
  const { count, max } = tracked;
  const found = `${count} of ${max}`;
  if (count < max * 0.8) return limits("tracked connections", found);
  return limits("tracked connections", found, {
    status: "warning",
    affects: "new connections of containers and of the host are dropped",
    fix: [`sysctl -w net.netfilter.nf_conntrack_max=${max * 4}`],
  });
}
