import { describe, expect, test } from "bun:test";
import { run } from "../../../src/cli/container/run.ts";
import { type ContainerValues, containerFlags } from "../../../src/cli/container/flags/container-flags.ts";
import { laterFlags, refusedFlags } from "../../../src/cli/container/flags/unsupported-flags.ts";
import { type FieldFlag, parseFields } from "../../../src/cli/container/flags/request-fields.ts";
import type { FlagTable } from "../../../src/cli/flags/flag.ts";
import { parseFlags } from "../../../src/cli/flags/parse.ts";

/**
 * A text for each flag, the value that it is parsed to, and the field that it sets. A flag of plain text, a list of texts or
 * a switch that sets a field to its value needs no entry (plainCase()).
 */
const cases: Readonly<Record<string, readonly [text: string, value: unknown, field?: object]>> = {
  "add-host": ["a=1.2.3.4", ["a:1.2.3.4"], { ExtraHosts: ["a:1.2.3.4"] }],
  annotation: ["a=b", { a: "b" }, { Annotations: { a: "b" } }],
  arch: ["arm64", "arm64"],
  attach: ["STDOUT", ["stdout"]],
  authfile: ["/f", "/f"],
  "blkio-weight": ["10", 10, { BlkioWeight: 10 }],
  "blkio-weight-device": [
    "/dev/a:10",
    ["/dev/a:10"],
    { BlkioWeightDevice: [{ Path: "/dev/a", Weight: 10 }] },
  ],
  "cap-add": ["ALL", ["ALL"], { CapAdd: ["ALL"] }],
  "cap-drop": ["ALL", ["ALL"], { CapDrop: ["ALL"] }],
  "cgroup-conf": ["memory.high=1", { "memory.high": "1" }, { Tare: { CgroupConf: { "memory.high": "1" } } }],
  "cgroup-parent": ["/a", "/a", { CgroupParent: "/a" }],
  cgroupns: ["host", "host"],
  cgroups: ["split", "split", { Tare: { Cgroups: "split" } }],
  chrootdirs: ["/a,/b", ["/a,/b"], { Tare: { ChrootDirs: ["/a", "/b"] } }],
  cidfile: ["f", "f", { ContainerIDFile: "f" }],
  "conmon-pidfile": ["f", "f", { Tare: { KeeperPidFile: "/work/f" } }],
  "cpu-count": ["1", 1, { CpuCount: 1 }],
  "cpu-percent": ["1", 1, { CpuPercent: 1 }],
  "cpu-period": ["1000", 1000, { CpuPeriod: 1000 }],
  "cpu-quota": ["-1", -1, { CpuQuota: -1 }],
  "cpu-rt-period": ["1", 1, { CpuRealtimePeriod: 1 }],
  "cpu-rt-runtime": ["1", 1, { CpuRealtimeRuntime: 1 }],
  "cpu-shares": ["0", 0, { CpuShares: 0 }],
  cpus: ["0.5", 500_000_000, { NanoCpus: 500_000_000 }],
  "cpuset-cpus": ["0-1", "0-1", { CpusetCpus: "0-1" }],
  "cpuset-mems": ["0", "0", { CpusetMems: "0" }],
  "decryption-key": ["k", ["k"]],
  detach: ["true", true],
  "detach-keys": ["ctrl-a", "ctrl-a"],
  device: [
    "/dev/a:/dev/b:r",
    ["/dev/a:/dev/b:r"],
    { Devices: [{ PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "r" }] },
  ],
  "device-cgroup-rule": ["c 1:3 r", ["c 1:3 r"], { DeviceCgroupRules: ["c 1:3 r"] }],
  "device-read-bps": ["/dev/a:1k", ["/dev/a:1k"], { BlkioDeviceReadBps: [{ Path: "/dev/a", Rate: 1024 }] }],
  "device-read-iops": ["/dev/a:9", ["/dev/a:9"], { BlkioDeviceReadIOps: [{ Path: "/dev/a", Rate: 9 }] }],
  "device-write-bps": ["/dev/a:1k", ["/dev/a:1k"], { BlkioDeviceWriteBps: [{ Path: "/dev/a", Rate: 1024 }] }],
  "device-write-iops": ["/dev/a:9", ["/dev/a:9"], { BlkioDeviceWriteIOps: [{ Path: "/dev/a", Rate: 9 }] }],
  dns: ["1.1.1.1", ["1.1.1.1"]],
  "dns-option": ["ndots:1", ["ndots:1"]],
  "dns-search": ["a", ["a"]],
  domainname: ["d", "d", { Domainname: "d" }],
  entrypoint: ["", "", { Entrypoint: [""] }],
  env: ["A=b", ["A=b"]],
  "env-file": ["f", ["f"]],
  "env-host": ["true", true],
  "env-merge": ["A=$B", ["A=$B"], { Tare: { EnvMerge: ["A=$B"] } }],
  expose: ["80", ["80"]],
  gidmap: ["0:1:2", ["0:1:2"]],
  gpus: ["all", "all"],
  "group-add": ["g", ["g"], { GroupAdd: ["g"] }],
  "group-entry": ["g", "g", { Tare: { GroupEntry: "g" } }],
  "health-cmd": ["true", "true"],
  "health-interval": ["1s", 1000],
  "health-on-failure": ["stop", "stop", { Tare: { HealthOnFailure: "stop" } }],
  "health-retries": ["2", 2],
  "health-start-interval": ["1s", 1000],
  "health-start-period": ["1m", 60_000],
  "health-timeout": ["1s", 1000],
  hostname: ["h", "h", { Hostname: "h" }],
  "hosts-file": ["image", "image", { Tare: { HostsFile: "image" } }],
  hostuser: ["me", ["me"], { Tare: { HostUsers: ["me"] } }],
  "http-proxy": ["true", true],
  "hugetlb-limit": ["2MB=4m", { "2MB": "4m" }, { Tare: { HugePageLimits: { "2MB": "4m" } } }],
  "image-volume": ["bind", "bind", { Tare: { ImageVolumes: "anonymous" } }],
  init: ["false", false, { Init: false }],
  interactive: ["true", true],
  "io-maxbandwidth": ["1k", 1024, { IOMaximumBandwidth: 1024 }],
  "io-maxiops": ["1", 1, { IOMaximumIOps: 1 }],
  "init-ctr": ["once", "once", { Tare: { InitContainer: "once" } }],
  ip: ["1.2.3.4", "1.2.3.4"],
  ip6: ["::1", "::1"],
  ipc: ["host", "host"],
  isolation: ["default", "default", { Isolation: "default" }],
  "kernel-memory": ["1k", 1024],
  label: ["a=b", ["a=b"]],
  "label-file": ["f", ["f"]],
  link: ["a:b", ["a:b"]],
  "link-local-ip": ["169.254.1.1", ["169.254.1.1"]],
  "log-driver": ["none", "none"],
  "log-opt": ["max-size=1m", ["max-size=1m"]],
  "mac-address": ["02:00:00:00:00:01", "02:00:00:00:00:01"],
  memory: ["1k", 1024, { Memory: 1024 }],
  "memory-reservation": ["1k", 1024, { MemoryReservation: 1024 }],
  "memory-swap": ["-1", -1, { MemorySwap: -1 }],
  "memory-swappiness": ["0", 0, { MemorySwappiness: 0 }],
  mount: ["type=tmpfs,target=/t", [{ Type: "tmpfs", Target: "/t" }]],
  name: ["n", "n"],
  network: ["n", [{ network: "n" }]],
  "network-alias": ["a", ["a"]],
  "no-healthcheck": ["true", true],
  "no-hostname": ["true", true, { Tare: { NoHostname: true } }],
  "no-hosts": ["true", true, { Tare: { NoHosts: true } }],
  "oom-kill-disable": ["true", true, { OomKillDisable: true }],
  "oom-score-adj": ["-5", -5, { OomScoreAdj: -5 }],
  os: ["linux", "linux"],
  passwd: ["false", false],
  "passwd-entry": ["p", "p", { Tare: { PasswdEntry: "p" } }],
  personality: ["LINUX32", "LINUX32", { Tare: { Personality: "LINUX32" } }],
  pid: ["host", "host"],
  pidfile: ["/f", "/f", { Tare: { PidFile: "/f" } }],
  "pids-limit": ["-1", -1, { PidsLimit: -1 }],
  platform: ["linux/amd64", "linux/amd64"],
  pod: ["new:p", "new:p"],
  "pod-id-file": ["f", "f"],
  "preserve-fd": ["5,7", ["5,7"]],
  "preserve-fds": ["1", 1],
  privileged: ["true", true, { Privileged: true }],
  publish: ["80:80", ["80:80"]],
  "publish-all": ["true", true],
  pull: ["never", "never"],
  quiet: ["true", true],
  "rdt-class": ["c", "c", { Tare: { RdtClass: "c" } }],
  "read-only": ["true", true, { ReadonlyRootfs: true }],
  "read-only-tmpfs": ["true", true],
  "record-profile": ["f", "f"],
  replace: ["true", true],
  requires: ["a,b", ["a,b"], { Tare: { Requires: ["a", "b"] } }],
  restart: ["on-failure:3", "on-failure:3", { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } }],
  retry: ["3", 3],
  "retry-delay": ["1s", 1000],
  rm: ["true", true, { AutoRemove: true }],
  rmi: ["true", true],
  runtime: ["tare", "tare", { Runtime: "tare" }],
  sdnotify: ["conmon", "conmon"],
  "seccomp-policy": ["image", "image"],
  secret: [
    "s,type=env",
    [{ Source: "s", Type: "env" }],
    { Tare: { Secrets: [{ Source: "s", Type: "env" }] } },
  ],
  "security-opt": ["no-new-privileges", ["no-new-privileges"]],
  "shm-size": ["1k", 1024, { ShmSize: 1024 }],
  "shm-size-systemd": ["0", 0, { Tare: { ShmSizeSystemd: 0 } }],
  "sig-proxy": ["false", false],
  "stop-signal": ["INT", "INT", { StopSignal: "INT" }],
  "stop-timeout": ["0", 0, { StopTimeout: 0 }],
  "storage-opt": ["size=1g", ["size=1g"], { StorageOpt: { size: "1g" } }],
  subgidname: ["a", "a"],
  subuidname: ["a", "a"],
  sysctl: ["net.a=b", { "net.a": "b" }, { Sysctls: { "net.a": "b" } }],
  systemd: ["always", "always", { Tare: { Systemd: "always" } }],
  "time-offset": ["24h", "24h", { Tare: { TimeOffset: "24h" } }],
  timeout: ["3", 3, { Tare: { TimeoutSeconds: 3 } }],
  timing: ["true", true],
  "tls-verify": ["false", false],
  tmpfs: ["/t", ["/t"]],
  tty: ["true", true, { Tty: true }],
  tz: ["Europe/Berlin", "Europe/Berlin"],
  uidmap: ["0:1:2", ["0:1:2"]],
  ulimit: ["core=-1", ["core=-1"], { Ulimits: [{ Name: "core", Soft: -1, Hard: -1 }] }],
  umask: ["027", "027", { Tare: { Umask: "027" } }],
  unsetenv: ["A", ["A"]],
  "unsetenv-all": ["true", true, { Tare: { UnsetEnvAll: true } }],
  "use-api-socket": ["true", true],
  user: ["1:2", "1:2", { User: "1:2" }],
  userns: ["host", "host"],
  uts: ["host", "host"],
  variant: ["v7", "v7"],
  volume: ["/a:/b", ["/a:/b"]],
  "volume-driver": ["local", "local", { VolumeDriver: "local" }],
  "volumes-from": ["c", ["c"], { VolumesFrom: ["c"] }],
  workdir: ["/w", "/w", { WorkingDir: "/w" }],
};

const table = run.flags as unknown as FlagTable;
const fieldFlags = containerFlags as Readonly<Record<string, FieldFlag<unknown>>>;

function plainCase(name: string): (typeof cases)[string] | undefined {
  const { type, field, words = ["word"] } = fieldFlags[name] ?? {};
  if (field === undefined || field.convert !== undefined) return undefined;
  const [text = ""] = type === "" ? ["true"] : words;
  const value = type === "" ? true : type === "list" ? [text] : type === "string" ? text : undefined;
  if (value === undefined) return undefined;
  const set = { [field.name]: value };
  return [text, value, field.part === "tare" ? { Tare: set } : set];
}

const unsupported = new Set([...Object.keys(laterFlags), ...Object.keys(refusedFlags)]);
const allCases = Object.keys(table).flatMap((name) => {
  const one = cases[name] ?? (unsupported.has(name) ? undefined : plainCase(name));
  return one === undefined ? [] : [[name, one] as const];
});
const surroundings = { cwd: "/work", env: {} };

function planOf(words: readonly string[]): object {
  const { values, given } = parseFlags(containerFlags as FlagTable, words);
  const { config, hostConfig } = parseFields(containerFlags, values as unknown as ContainerValues, {
    given,
    ...surroundings,
  });
  return { ...config, ...hostConfig };
}

describe("the flags of run", () => {
  test("each has a case", () => {
    const names = Object.keys(table).filter((name) => !unsupported.has(name) || Object.hasOwn(cases, name));
    expect(allCases.map(([name]) => name).sort()).toEqual(names.sort());
    expect(Object.keys(cases).filter((name) => !names.includes(name))).toEqual([]);
  });

  test.each(allCases)("--%s is parsed, and sets its field", (name, [text, value, field]) => {
    const words = [`--${name}=${text}`];
    expect(parseFlags(table, words).values[name]).toEqual(value);
    const own = fieldFlags[name];
    expect(field !== undefined).toBe(own?.field !== undefined);
    if (own !== undefined) expect(planOf(words)).toEqual(field ?? {});
  });

  test("set nothing when they are absent or empty", () => {
    expect(planOf([])).toEqual({});
    expect(planOf(["--timeout=0", "--restart=", "--user=", "--systemd=false", "--cgroups=enabled"])).toEqual(
      {},
    );
  });

  test("refuse values that can never work", () => {
    expect(() => planOf(["--timeout=-1"])).toThrow("--timeout: must not be negative");
  });
});
