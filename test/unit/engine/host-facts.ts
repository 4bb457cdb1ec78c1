import type { HostFacts } from "../../../src/engine/host-check/facts.ts";
import { moduleParts } from "../../../src/engine/host-check/modules.ts";
import { optionalPrograms } from "../../../src/engine/host-check/programs.ts";

const features = (
  [
    ["bpf-devices", "4.15", "used"],
    ["cgroup.kill", "5.14", "replaced"],
    ["clone3", "5.3", "needed"],
    ["lowerdir+", "6.7", "replaced"],
    ["memfd-exec", "3.17", "replaced"],
    ["openat2", "5.6", "needed"],
    ["seccomp-notify", "5.5", "used"],
    ["user-namespace", "3.8", "used"],
  ] as const
).map(([name, since, importance]) => ({
  name,
  since,
  importance,
  without: `without ${name}`,
  isPresent: true,
  isForcedAbsent: false,
}));

const namespace = { isPresent: true, limit: 60_000 };

/** A Debian host on which nothing is wrong. */
export const soundHost: HostFacts = {
  privileges: { uid: 0, lacking: [], isInitialUserNamespace: true },
  distribution: { id: "debian", like: [] },
  hasSystemd: true,
  kernel: {
    release: "6.12.4-amd64",
    architecture: "amd64",
    features,
    missingCalls: [],
    namespaces: {
      mount: namespace,
      uts: namespace,
      ipc: namespace,
      pid: namespace,
      network: namespace,
      user: namespace,
      cgroup: namespace,
      time: namespace,
    },
    modules: Object.fromEntries(moduleParts.map(({ module }) => [module, "loaded" as const])),
    unprivilegedUsernsClone: 1,
    restrictsUserns: 0,
    hasSeccompFilter: true,
    hasAppArmor: true,
    securityModules: ["lockdown", "capability", "apparmor"],
  },
  cgroup: {
    version: "v2",
    unifiedPath: "/sys/fs/cgroup",
    controllers: { cpu: 2, cpuset: 2, memory: 2, pids: 2, io: 2, hugetlb: 2, rdma: 2 },
    disabled: [],
    isReadOnly: false,
    hasSwapAccounting: true,
    hasFreezer: true,
    hasPressure: true,
  },
  limits: {
    openFiles: 1_048_576,
    pidMax: 4_194_304,
    threadsMax: 120_000,
    inotifyInstances: 1024,
    inotifyWatches: 500_000,
    maxMapCount: 1_048_576,
    rootKeys: 1_000_000,
    connections: { count: 100, max: 262_144 },
  },
  firewall: {
    nfTables: "works",
    forwards: true,
    filtersBridges: false,
    shutChains: [],
    legacyTables: [],
    managers: [],
  },
  disk: {
    dataRoot: "/var/lib/tare",
    runRoot: "/run/tare",
    lookedAt: "/var/lib/tare",
    type: "ext4",
    mountPoint: "/var",
    source: "/dev/sda2",
    options: ["rw", "relatime"],
    freeBytes: 100e9,
    totalBytes: 200e9,
    freeInodes: 9e6,
    totalInodes: 1e7,
    driver: "overlay",
    features: { entryTypes: true, userXattr: true, reflink: true, projectQuota: true },
    run: { lookedAt: "/run/tare", type: "tmpfs", options: ["rw", "nosuid", "nodev"] },
  },
  clock: {
    nowMs: Date.UTC(2026, 11, 2),
    isSynchronized: true,
    setByMs: 20,
    newestRecordMs: Date.UTC(2026, 11, 1),
    source: "tsc",
  },
  resolver: { hasFile: true, servers: ["9.9.9.9"], upstreams: ["9.9.9.9"] },
  programs: Object.fromEntries(optionalPrograms.map(({ name }) => [name, true])),
  daemon: {
    host: "unix:///run/tare/tare.sock",
    state: "serves",
    version: "0.1.0",
    buildId: "0123456789ab",
    client: { version: "0.1.0", buildId: "0123456789ab" },
    socketMode: 0o660,
    group: { gid: 990, name: "tare" },
    isInGroup: false,
    hasService: true,
  },
  cdi: { devices: [], problems: [] },
};
