import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerCreateRequest } from "../../../src/api/types/container.ts";
import { withContainerFlags } from "../../../src/cli/container/flags/container-flags.ts";
import { parseKeyValues } from "../../../src/cli/container/flags/parsers/key-value-file.ts";
import { toContainer } from "../../../src/cli/container/run/to-request.ts";
import { formatTiming } from "../../../src/api/container/run-text.ts";
import type { ContainerValues } from "../../../src/cli/container/flags/container-flags.ts";
import { parseFlags } from "../../../src/cli/flags/parse.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tare-plan-"));
  writeFileSync(join(folder, "env"), "# comment\n\nA=from file\n  B\nMISSING\nC=1=2\r\n");
  writeFileSync(join(folder, "bad-env"), "a b=c\n");
  writeFileSync(join(folder, "labels"), "x=1\ny\n");
  writeFileSync(join(folder, "profile.json"), '{ "defaultAction": "SCMP_ACT_ALLOW" }\n');
  writeFileSync(join(folder, "broken.json"), "{");
  writeFileSync(join(folder, "large.json"), '{\n "value": 18446744073709551615,\t"a b" : " \\" " }');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function plan(...argv: readonly string[]): ContainerCreateRequest {
  const { values, given, positional } = parseFlags(withContainerFlags({}), argv, { optionsEnd: "first" });
  const [image = "", ...command] = positional;
  const env = { B: "of ours", SET: "here" };
  return toContainer({
    values: values as unknown as ContainerValues,
    given,
    image,
    command,
    isDetached: false,
    cwd: folder,
    env,
  });
}

describe("toContainer()", () => {
  test("a network is asked for by whatever it is named", () => {
    const { NetworkingConfig } = plan("--network", "__proto__", "--network", "web", "busybox");
    expect(Object.keys(NetworkingConfig?.EndpointsConfig ?? {})).toEqual(["__proto__", "web"]);
  });

  test("asks for little when little is said", () => {
    expect(plan("busybox")).toEqual({
      Hostname: "",
      Domainname: "",
      User: "",
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Env: [],
      Cmd: null,
      Image: "busybox",
      WorkingDir: "",
      Entrypoint: null,
      Labels: {},
      HostConfig: {
        AutoRemove: false,
        Privileged: false,
        ReadonlyRootfs: false,
        CapAdd: null,
        CapDrop: null,
        ExtraHosts: null,
        GroupAdd: null,
        SecurityOpt: null,
      },
    });
  });

  test.each<[readonly string[], object]>([
    [
      ["-it", "x", "sh", "-c", "ls"],
      { Cmd: ["sh", "-c", "ls"], Tty: true, OpenStdin: true, StdinOnce: true, AttachStdin: true },
    ],
    [
      ["-i", "-a", "stdout", "x"],
      { OpenStdin: true, StdinOnce: false, AttachStdin: false, AttachStdout: true, AttachStderr: false },
    ],
    [["--entrypoint", "", "x"], { Entrypoint: [""] }],
    [["--entrypoint", "/a b", "x"], { Entrypoint: ["/a b"] }],
    [["-e", "A=1", "-e", "SET", "-e", "UNSET", "x"], { Env: ["A=1", "SET=here", "UNSET"] }],
    [["--env-file", "env", "-e", "A=2", "x"], { Env: ["A=from file", "B=of ours", "C=1=2", "A=2"] }],
    [["-l", "a=b=c", "--label-file", "labels", "-l", "x=2", "x"], { Labels: { x: "2", y: "", a: "b=c" } }],
    [
      ["--log-driver", "json-file", "--log-opt", "max-size=10m", "--log-opt", "labels=a=b", "x"],
      { HostConfig: { LogConfig: { Type: "json-file", Config: { "max-size": "10m", labels: "a=b" } } } },
    ],
    [["--log-driver", "none", "x"], { HostConfig: { LogConfig: { Type: "none", Config: {} } } }],
    [["--no-healthcheck", "x"], { Healthcheck: { Test: ["NONE"] } }],
    [
      ["--health-cmd", "exit 1", "--health-interval", "1.5s", "--health-on-failure", "kill", "x"],
      {
        Healthcheck: { Test: ["CMD-SHELL", "exit 1"], Interval: 1_500_000_000 },
        HostConfig: { Tare: { HealthOnFailure: "kill" } },
      },
    ],
    [
      [
        ..."--health-timeout 2s --health-retries 4 --health-start-period 1m --health-start-interval 1ms".split(
          " ",
        ),
        "x",
      ],
      {
        Healthcheck: { Timeout: 2e9, Retries: 4, StartPeriod: 60e9, StartInterval: 1e6 },
      },
    ],
    [["--stop-signal", "INT", "--stop-timeout", "0", "x"], { StopSignal: "INT", StopTimeout: 0 }],
    [
      ["-u", "1:2", "-w", "/w", "-h", "h", "--domainname", "d", "x"],
      { User: "1:2", WorkingDir: "/w", Hostname: "h", Domainname: "d" },
    ],
  ])("makes of %p the settings %p", (argv, wanted) => expect(plan(...argv)).toMatchObject(wanted));

  test.each<[readonly string[], object]>([
    [
      ["-m", "64m", "--memory-swap", "-1", "--cpus", "0.5", "-c", "512"],
      { Memory: 67_108_864, MemorySwap: -1, NanoCpus: 500_000_000, CpuShares: 512 },
    ],
    [
      ["--cpu-period", "1000", "--cpu-quota", "500", "--cpuset-cpus", "0-1", "--cpuset-mems", "0"],
      { CpuPeriod: 1000, CpuQuota: 500, CpusetCpus: "0-1", CpusetMems: "0" },
    ],
    [
      ["--pids-limit", "-1", "--oom-score-adj", "-5", "--shm-size", "1k"],
      { PidsLimit: -1, OomScoreAdj: -5, ShmSize: 1024 },
    ],
    [
      ["--ulimit", "nofile=1:2", "--ulimit", "core=-1"],
      {
        Ulimits: [
          { Name: "nofile", Soft: 1, Hard: 2 },
          { Name: "core", Soft: -1, Hard: -1 },
        ],
      },
    ],
    [
      ["--net", "none", "--pid", "host", "--ipc", "container:a", "--uts", "host", "--cgroupns", "private"],
      {
        NetworkMode: "none",
        PidMode: "host",
        IpcMode: "container:a",
        UTSMode: "host",
        CgroupnsMode: "private",
      },
    ],
    [
      ["--cap-add", "SYS_ADMIN", "--cap-drop=ALL", "--privileged", "--read-only", "--rm"],
      { CapAdd: ["SYS_ADMIN"], CapDrop: ["ALL"], Privileged: true, ReadonlyRootfs: true, AutoRemove: true },
    ],
    [
      ["--tmpfs", "/t:size=1m,mode=1777", "--tmpfs", "/u"],
      { Tmpfs: { "/t": "size=1m,mode=1777", "/u": "" } },
    ],
    [
      ["--add-host", "a:1.2.3.4", "--add-host", "b=::1", "--add-host", "c:host-gateway"],
      { ExtraHosts: ["a:1.2.3.4", "b:::1", "c:host-gateway"] },
    ],
    [
      ["--security-opt", "seccomp=unconfined", "--security-opt", "no-new-privileges:true"],
      { SecurityOpt: ["seccomp=unconfined", "no-new-privileges=true"] },
    ],
    [
      ["--security-opt", "seccomp=profile.json"],
      { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] },
    ],
    [
      ["--security-opt", "seccomp=large.json", "--security-opt", "explain-denials"],
      { SecurityOpt: ['seccomp={"value":18446744073709551615,"a b":" \\" "}', "explain-denials"] },
    ],
    [["--security-opt", "systempaths=unconfined"], { SecurityOpt: null, MaskedPaths: [], ReadonlyPaths: [] }],
    [["--annotation", "a=b"], { Annotations: { a: "b" } }],
  ])("makes of %p the host's settings %p", (argv, wanted) =>
    expect(plan(...argv, "x").HostConfig).toMatchObject(wanted),
  );

  test("takes binds with absolute and relative sources", () => {
    expect(plan("-v", "/a:/b", "-v", "./c:/d:ro", "x").HostConfig?.Binds).toEqual([
      "/a:/b",
      `${folder}/c:/d:ro`,
    ]);
  });

  test.each<[readonly string[], string]>([
    [["--pid", "xx"], "--pid: invalid PID mode"],
    [["--uts", "xx"], "--uts: invalid UTS mode"],
    [["--ipc", "xx"], "--ipc: invalid IPC mode"],
    [["--cgroupns", "xx"], "--cgroupns: invalid CGROUP mode"],
    [["--pid", "container:"], "--pid: invalid PID mode"],
    [["--network", ""], "no name set for network"],
    [["--network", "a", "--network", "none"], "conflicting options: cannot attach both"],
    [["--security-opt", "foo"], 'Invalid --security-opt: "foo"'],
    [
      ["--security-opt", "seccomp=nope.json"],
      "opening seccomp profile (nope.json) failed: open nope.json: no such",
    ],
    [
      ["--security-opt", "seccomp=broken.json"],
      "cannot read seccomp profile (broken.json): it is not JSON: line 1, column 2: it ends too early",
    ],
    [["--security-opt", "explain-denials=maybe"], 'Invalid --security-opt: "explain-denials=maybe"'],
    [["--security-opt", "label"], 'Invalid --security-opt: "label"'],
    [["--security-opt", "writable-cgroups=maybe"], 'Invalid --security-opt: "writable-cgroups=maybe"'],
    [["--env-file", "nope"], "open nope: no such file or directory"],
    [["--env-file", "."], "open .: is a directory"],
    [["--env-file", "bad-env"], "variable 'a b' contains whitespaces"],
    [["-v", ""], "invalid empty volume spec"],
    [["-v", "a:b:c:d"], "invalid spec: a:b:c:d: too many colons"],
    [["-v", "/a:"], "invalid spec: /a:: empty section between colons"],
    [["--tmpfs", "x"], 'invalid tmpfs path "x"'],
  ])("refuses %p", (argv, sentence) => expect(() => plan(...argv, "x")).toThrow(sentence));
});

describe("parseKeyValues()", () => {
  test("refuses what is no UTF-8", () => {
    expect(() => parseKeyValues(Uint8Array.from([0x41, 0x3d, 0xff]), "f")).toThrow(
      "env file f contains invalid utf8 bytes",
    );
  });
  test("refuses a line without a name", () =>
    expect(() => parseKeyValues(Buffer.from("=x"), "f")).toThrow("no variable name on line '=x'"));
});

test("formatTiming() is one line", () => {
  const phases = [
    { Name: "root", Ms: 0.61 },
    { Name: "exec", Ms: 0.4 },
  ];
  expect(formatTiming({ TotalMs: 4.123, Phases: phases })).toBe("started in 4.1 ms: root 0.6 · exec 0.4\n");
  expect(formatTiming({ TotalMs: 4, Phases: [] })).toBe("started in 4.0 ms\n");
});
