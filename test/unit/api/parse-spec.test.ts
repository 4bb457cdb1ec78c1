import { describe, expect, test } from "bun:test";
import { graceMsOf, parseContainerSpec } from "../../../src/api/container/parse-spec.ts";
import { parseCreateRequest } from "../../../src/api/container/create-request.ts";

function plan(body: object, name?: string) {
  return parseContainerSpec(parseCreateRequest({ Image: "x", ...body }), name);
}

/** What Debian's docker-cli 26.1 sends for `docker run x`. */
const fromDockerCli = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: true,
  AttachStderr: true,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: "x",
  Volumes: {},
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
  HostConfig: {
    Binds: null,
    ContainerIDFile: "",
    LogConfig: { Type: "", Config: {} },
    NetworkMode: "default",
    PortBindings: {},
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    AutoRemove: false,
    VolumeDriver: "",
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: "",
    Dns: [],
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: "",
    Cgroup: "",
    Links: null,
    OomScoreAdj: 0,
    PidMode: "",
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: "",
    UsernsMode: "",
    ShmSize: 0,
    Isolation: "",
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    CgroupParent: "",
    BlkioWeight: 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    CpuPeriod: 0,
    CpuQuota: 0,
    Devices: [],
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: 0,
    MemorySwap: 0,
    MemorySwappiness: -1,
    OomKillDisable: false,
    PidsLimit: 0,
    Ulimits: [],
    MaskedPaths: null,
    ReadonlyPaths: null,
  },
  NetworkingConfig: {
    EndpointsConfig: { default: { IPAMConfig: null, Links: null, Aliases: null, MacAddress: "" } },
  },
};

describe("parseContainerSpec()", () => {
  test("docker run without flags asks for nothing", () => {
    const { received, ...spec } = parseContainerSpec(parseCreateRequest(fromDockerCli), undefined);
    expect(spec).toEqual({
      image: "x",
      labels: {},
      process: { terminal: false, openStdin: false, stdinOnce: false },
      isolation: { namespaces: {}, privileged: false, capabilities: { add: [], drop: [] } },
      resources: { limits: {}, rlimits: [] },
      storage: { readOnlyRoot: false, mounts: [] },
      network: { extraHosts: [] },
      lifecycle: { autoRemove: false },
    });
    expect(received?.hostConfig).toMatchObject({ NetworkMode: "default" });
  });

  test.each([
    [{ Cmd: "one" }, { process: { command: ["one"] } }],
    [{ Entrypoint: [""] }, { process: { entrypoint: [""] } }],
    [{ Entrypoint: ["a", "b"] }, { process: { entrypoint: ["a", "b"] } }],
    [{ StopTimeout: 3 }, { lifecycle: { stopGraceMs: 3000 } }],
    [{ StopTimeout: -1 }, { lifecycle: { stopGraceMs: 2 ** 31 - 1 } }],
    [{ NetworkDisabled: true }, { isolation: { namespaces: { network: "none" } } }],
    [{ Healthcheck: { Test: ["NONE"] } }, { lifecycle: { healthcheck: { test: ["NONE"] } } }],
    [{ Healthcheck: {} }, {}],
    [
      {
        Healthcheck: {
          Test: ["CMD", "x"],
          Interval: 1e9,
          Timeout: 2e9,
          Retries: 3,
          StartPeriod: 4e9,
          StartInterval: 5e9,
        },
        Shell: ["/bin/ash", "-c"],
        HostConfig: { Tare: { HealthOnFailure: "restart" } },
      },
      {
        process: { shell: ["/bin/ash", "-c"] },
        lifecycle: {
          healthcheck: {
            test: ["CMD", "x"],
            intervalNs: 1e9,
            timeoutNs: 2e9,
            retries: 3,
            startPeriodNs: 4e9,
            startIntervalNs: 5e9,
          },
          onUnhealthy: "restart",
        },
      },
    ],
    [{ HostConfig: { LogConfig: { Type: "none" } } }, { storage: { log: "none" } }],
    [
      { HostConfig: { LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "4" } } } },
      { storage: { log: { fileBytes: 1_000_000, files: 4 } } },
    ],
    [
      { HostConfig: { NetworkMode: "host", PidMode: "container:a", IpcMode: "shareable", UTSMode: "host" } },
      {
        isolation: {
          namespaces: { network: "host", pid: { container: "a" }, ipc: "shareable", uts: "host" },
        },
      },
    ],
    [
      { HostConfig: { CgroupnsMode: "host", NetworkMode: "container:b" } },
      { isolation: { namespaces: { cgroup: "host", network: { container: "b" } } } },
    ],
    [
      { HostConfig: { Binds: ["/a:/b", "/c:/d:ro,rslave,Z"] } },
      {
        storage: {
          mounts: [
            { kind: "bind", source: "/a", target: "/b", createSource: true },
            {
              kind: "bind",
              source: "/c",
              target: "/d",
              createSource: true,
              readonly: true,
              propagation: "rslave",
            },
          ],
        },
      },
    ],
    [
      { HostConfig: { Mounts: [{ Type: "bind", Source: "/a", Target: "/b", ReadOnly: true }] } },
      {
        storage: {
          mounts: [{ kind: "bind", source: "/a", target: "/b", createSource: false, readonly: true }],
        },
      },
    ],
    [
      {
        HostConfig: {
          Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 5, Mode: 0o1777 } }],
        },
      },
      { storage: { mounts: [{ kind: "tmpfs", target: "/t", options: "size=5,mode=1777" }] } },
    ],
    [
      { HostConfig: { Tmpfs: { "/t": "size=64m" } } },
      { storage: { mounts: [{ kind: "tmpfs", target: "/t", options: "size=64m" }] } },
    ],
    [
      { HostConfig: { Memory: 64 << 20, MemorySwap: -1, PidsLimit: -1, NanoCpus: 5e8, CpusetCpus: "0" } },
      {
        resources: { limits: { memoryBytes: 64 << 20, memorySwapBytes: -1, nanoCpus: 5e8, cpusetCpus: "0" } },
      },
    ],
    [
      { HostConfig: { SecurityOpt: ["explain-denials", "seccomp=builtin"] } },
      { isolation: { explainDenials: true, seccomp: "builtin" } },
    ],
    [
      { HostConfig: { SecurityOpt: ["explain-denials=true", "explain-denials:false"] } },
      { isolation: { explainDenials: false } },
    ],
    [
      { HostConfig: { SecurityOpt: ["no-new-privileges", "seccomp=unconfined"] } },
      { isolation: { noNewPrivileges: true, seccomp: "unconfined" } },
    ],
    [
      { HostConfig: { SecurityOpt: ["no-new-privileges:false", 'seccomp={"a":1}', "label=disable"] } },
      { isolation: { noNewPrivileges: false, seccomp: { profile: '{"a":1}' } } },
    ],
    [{ HostConfig: { MaskedPaths: [], ReadonlyPaths: [] } }, { isolation: { systemPaths: "unconfined" } }],
    [
      { HostConfig: { MaskedPaths: ["/a"], ReadonlyPaths: [] } },
      { isolation: { maskedPaths: ["/a"], readonlyPaths: [] } },
    ],
    [
      { HostConfig: { SecurityOpt: ["label=user:x", "label:level:s0:c1,c2"] } },
      { isolation: { selinux: ["user:x", "level:s0:c1,c2"] } },
    ],
    [{ HostConfig: { SecurityOpt: ["label=user:x", "label=disable"] } }, { isolation: { selinux: [] } }],
    [{ HostConfig: { IpcMode: "none" } }, { isolation: { namespaces: { ipc: "none" } } }],
    [{ HostConfig: { UTSMode: "container:a" } }, { isolation: { namespaces: { uts: { container: "a" } } } }],
    [
      {
        HostConfig: {
          Mounts: [{ Type: "image", Source: "busybox", Target: "/x", ImageOptions: { Subpath: "etc" } }],
        },
      },
      { storage: { mounts: [{ kind: "image", image: "busybox", target: "/x", subpath: "etc" }] } },
    ],
    [
      {
        HostConfig: {
          Ulimits: [
            { Name: "nofile", Soft: 1, Hard: 2 },
            { Name: "core", Soft: -1, Hard: -1 },
          ],
        },
      },
      {
        resources: {
          rlimits: [
            { name: "nofile", soft: 1, hard: 2 },
            { name: "core", soft: -1, hard: -1 },
          ],
        },
      },
    ],
    [
      { HostConfig: { ExtraHosts: ["a:1.2.3.4", "b=::1"] } },
      { network: { extraHosts: ["a:1.2.3.4", "b:::1"] } },
    ],
    [{ HostConfig: { StorageOpt: { size: "1.5g" } } }, { storage: { storageBytes: 1_610_612_736 } }],
    [
      { HostConfig: { DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]] }] } },
      {
        resources: {
          deviceRequests: [{ driver: "", count: -1, ids: [], capabilities: [["gpu"]], options: {} }],
        },
      },
    ],
    [
      { HostConfig: { DeviceRequests: [{ Driver: "cdi", DeviceIDs: ["a.com/b=c"], Options: null }] } },
      {
        resources: {
          deviceRequests: [{ driver: "cdi", count: 0, ids: ["a.com/b=c"], capabilities: [], options: {} }],
        },
      },
    ],
    [
      { HostConfig: { ShmSize: 5, OomScoreAdj: -3, CapAdd: ["ALL"], GroupAdd: ["5"], Init: false } },
      {
        storage: { shmBytes: 5 },
        resources: { oomScoreAdj: -3 },
        isolation: { capabilities: { add: ["ALL"], drop: [] } },
        process: { groupAdd: ["5"] },
      },
    ],
  ])("%j", (body, spec) => {
    expect(plan(body)).toMatchObject(spec);
  });

  test.each([
    [
      { HostConfig: { Mounts: [{ Type: "cluster", Source: "x", Target: "/x" }] } },
      "mounts of type cluster need a cluster",
    ],
  ])("%j is not supported yet, by name", (body, text) => {
    expect(() => plan(body)).toThrow(
      expect.objectContaining({ kind: "unsupported", message: expect.stringContaining(text) }),
    );
  });

  test.each([
    [{ Image: "" }, "names no image"],
    [{ Env: "A" }, "Env must be a list"],
    [{ HostConfig: { DeviceRequests: "all" } }, "HostConfig.DeviceRequests must be a list"],
    [
      { HostConfig: { DeviceRequests: [{ Capabilities: ["gpu"] }] } },
      "HostConfig.DeviceRequests[0].Capabilities[0] must be a list",
    ],
    [{ Env: [1] }, "Env[0] must be a text"],
    [{ Cmd: ["a\0b"] }, "Cmd[0] must not contain NUL"],
    [{ HostConfig: [] }, "HostConfig must be an object"],
    [{ HostConfig: { Memory: "1g" } }, "HostConfig.Memory must be a whole number"],
    [{ HostConfig: { Memory: 1.5 } }, "HostConfig.Memory must be a whole number"],
    [{ HostConfig: { Memory: 5 } }, "Minimum memory limit allowed is 6MB"],
    [{ HostConfig: { Memory: -64 } }, "Minimum memory limit allowed is 6MB"],
    [{ HostConfig: { MemorySwap: 5 } }, "You should always set the Memory limit"],
    [{ HostConfig: { Memory: 9 << 20, MemorySwap: 8 << 20 } }, "Minimum memoryswap limit"],
    [{ HostConfig: { NanoCpus: 1, CpuQuota: 1000 } }, "Conflicting options"],
    [{ HostConfig: { PidMode: "bogus" } }, "invalid PID mode: bogus"],
    [{ HostConfig: { Binds: ["/a:ro"] } }, "invalid volume specification: '/a:ro'"],
    [{ HostConfig: { Binds: ["/a:b"] } }, "must be absolute"],
    [{ HostConfig: { Binds: ["/a:/./"] } }, "destination can't be '/'"],
    [{ HostConfig: { Binds: ["/a:/b:what"] } }, "invalid mode: what"],
    [{ HostConfig: { Binds: ["/a:/b", "/c:/b/"] } }, "Duplicate mount point: /b"],
    [
      { HostConfig: { Mounts: [{ Type: "bind", Source: "a", Target: "/b" }] } },
      "mount path must be absolute",
    ],
    [{ HostConfig: { Mounts: [{ Target: "/b" }] } }, "mount type unknown"],
    [{ HostConfig: { SecurityOpt: ["explain-denials=1"] } }, 'invalid --security-opt 2: "explain-denials=1"'],
    [{ HostConfig: { SecurityOpt: ["what=ever"] } }, 'invalid --security-opt 2: "what=ever"'],
    [
      { HostConfig: { Ulimits: [{ Name: "nofile", Soft: 5, Hard: 2 }] } },
      "must be less than or equal to hard limit",
    ],
    [{ HostConfig: { ExtraHosts: ["a"] } }, 'bad format for add-host: "a"'],
  ])("%j is refused", (body, text) => {
    expect(() => plan(body)).toThrow(
      expect.objectContaining({ kind: "invalid", message: expect.stringContaining(text) }),
    );
  });

  test("a name may come with its slash; what was received is kept without strangers", () => {
    const spec = plan({ Bogus: 1, HostConfig: { Bogus: 2, Memory: null, Privileged: true } }, "/web");
    expect(spec.name).toBe("web");
    expect(spec.received).toEqual({ config: { Image: "x" }, hostConfig: { Privileged: true } });
  });
});

test.each([
  [0, 0],
  [10, 10_000],
  [-1, 2 ** 31 - 1],
  [1e12, 2 ** 31 - 1],
])("graceMsOf(%d)", (seconds, ms) => {
  expect(graceMsOf(seconds)).toBe(ms);
});
