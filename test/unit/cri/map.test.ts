import { describe, expect, test } from "bun:test";
import { kindOf } from "../../../src/base/failure.ts";
import { codingsOf, type Message, type Reply } from "../../../src/cri/codings.ts";
import { containerSpec } from "../../../src/cri/map/container-spec.ts";
import { signalName, signalValue } from "../../../src/cri/map/enums.ts";
import { containerFilter } from "../../../src/cri/map/filters.ts";
import { credentialsOf } from "../../../src/cri/map/images.ts";
import { mountOf } from "../../../src/cri/map/mounts.ts";
import { nameOf } from "../../../src/cri/map/names.ts";
import { encodeResources, limitsOf, oomScoreAdjOf } from "../../../src/cri/map/resources.ts";
import { sandboxSpec } from "../../../src/cri/map/sandbox-spec.ts";
import { appArmorOf, seccompOf, selinuxOf, userOf } from "../../../src/cri/map/security.ts";
import { encodeContainerStatus, encodeSandboxStatus } from "../../../src/cri/map/status.ts";
import type { CriObject } from "../../../src/engine/cri-engine.ts";
import type { ContainerState } from "../../../src/model/container-state.ts";
import type { CriContainerSettings, CriSandboxSettings } from "../../../src/model/cri.ts";
import { parseContainerId } from "../../../src/model/ids.ts";
import { parseSignal } from "../../../src/spec/signal.ts";

const kindOfThrown = (work: () => unknown): string => {
  try {
    work();
    return "none";
  } catch (thrown) {
    return kindOf(thrown);
  }
};

/** Messages as a handler receives them: absent fields have their defaults. */
function podConfig(more: Reply<"PodSandboxConfig"> = {}): Message<"PodSandboxConfig"> {
  const { request } = codingsOf("runtime.v1.RuntimeService/RunPodSandbox");
  const metadata = { name: "web", uid: "u1", namespace: "default", attempt: 2 };
  const { config } = request.decode(request.encode({ config: { metadata, ...more } }));
  if (config === null) throw new Error("there is no config");
  return config;
}

function containerConfig(more: Reply<"ContainerConfig"> = {}): Message<"ContainerConfig"> {
  const { request } = codingsOf("runtime.v1.RuntimeService/CreateContainer");
  const usual = { metadata: { name: "main", attempt: 1 }, image: { image: "busybox" } };
  const { config } = request.decode(request.encode({ config: { ...usual, ...more } }));
  if (config === null) throw new Error("there is no config");
  return config;
}

const securityOf = (
  security_context: Reply<"LinuxContainerSecurityContext">,
): Message<"LinuxContainerSecurityContext"> | null =>
  containerConfig({ linux: { security_context } }).linux?.security_context ?? null;

const id = parseContainerId("a".repeat(64));

function sandbox(more: Partial<CriSandboxSettings> = {}): CriObject<CriSandboxSettings> {
  const settings: CriSandboxSettings = {
    kind: "sandbox",
    name: "web",
    uid: "u1",
    namespace: "default",
    attempt: 2,
    logDirectory: "/var/log/pods/web",
    namespaces: { network: "pod", pid: "pod", ipc: "pod" },
    isPrivileged: false,
    ...more,
  };
  const spec = { image: "pause", resources: { cgroupParent: "/kubepods/u1" }, cri: settings };
  return { id, createdAt: 1000, state: { status: "created" }, imageId: "", spec, settings };
}

const specOf = (
  more: Reply<"ContainerConfig">,
  pod: Partial<CriSandboxSettings> = {},
): ReturnType<typeof containerSpec> =>
  containerSpec(containerConfig(more), { sandbox: sandbox(pod), seccompProfile: undefined });

describe("sandboxSpec()", () => {
  test("names, shared namespaces and the cgroup of a usual pod", () => {
    expect(
      sandboxSpec(podConfig({ linux: { cgroup_parent: "/kubepods/u1" } }), { network: "bridge" }),
    ).toMatchObject({
      name: "k8s_web_default_u1_2",
      share: ["network", "uts", "ipc", "pid"],
      network: undefined,
      hostname: undefined,
      cgroupParent: "/kubepods/u1",
      cri: { kind: "sandbox", name: "web", namespaces: { network: "pod", pid: "pod", ipc: "pod" } },
    });
  });

  test.each([
    [{}, ["network", "uts", "ipc", "pid"], undefined],
    [{ pid: 1 }, ["network", "uts", "ipc"], undefined],
    [{ network: 2 }, ["network", "uts", "ipc", "pid"], "host"],
    [{ network: 2, pid: 2, ipc: 2 }, ["network", "uts"], "host"],
  ] as const)("namespace options %j share %j with the network %j", (namespace_options, share, network) => {
    const config = podConfig({ linux: { security_context: { namespace_options } } });
    expect(sandboxSpec(config, { network: "bridge" })).toMatchObject({ share, network });
  });

  test("a pod network of its own keeps the engine's network and ports away", () => {
    const port_mappings = [
      { protocol: 1, container_port: 53, host_port: 5353, host_ip: "10.0.0.1" },
      { container_port: 80 },
    ];
    const config = podConfig({ port_mappings });
    expect(sandboxSpec(config, { network: "bridge" }).ports).toEqual([
      { protocol: "udp", containerPort: 53, hostPort: 5353, hostAddress: "10.0.0.1" },
    ]);
    expect(sandboxSpec(config, { network: "none" })).toMatchObject({ network: "none", ports: [] });
  });

  test("a user namespace has one range of each kind", () => {
    const range = { host_id: 100_000, container_id: 0, length: 65_536 };
    const of = (userns_options: Reply<"UserNamespace">): unknown =>
      sandboxSpec(podConfig({ linux: { security_context: { namespace_options: { userns_options } } } }), {
        network: "bridge",
      }).user;
    const maps = [{ hostID: 100_000, containerID: 0, size: 65_536 }];
    expect(of({ mode: 0, uids: [range], gids: [range] })).toEqual({ maps: { uids: maps, gids: maps } });
    expect(of({ mode: 2 })).toBeUndefined();
    for (const wrong of [
      { mode: 1 },
      { mode: 0, uids: [range] },
      { mode: 0, uids: [range, range], gids: [range] },
    ])
      expect(kindOfThrown(() => of(wrong))).toBe("invalid");
  });

  test("a slice of systemd is refused, a relative parent is below the root", () => {
    const parentOf = (cgroup_parent: string): unknown =>
      sandboxSpec(podConfig({ linux: { cgroup_parent } }), { network: "bridge" }).cgroupParent;
    expect(parentOf("a/b")).toBe("/a/b");
    expect(parentOf("")).toBeUndefined();
    expect(kindOfThrown(() => parentOf("kubepods-u1.slice"))).toBe("invalid");
  });
});

describe("containerSpec()", () => {
  test("command and arguments replace entry point and command of the image", () => {
    expect(specOf({}).process).toMatchObject({ entrypoint: undefined, command: undefined });
    expect(specOf({ command: ["a"], args: ["b"] }).process).toMatchObject({
      entrypoint: ["a"],
      command: ["b"],
    });
    expect(specOf({ args: ["b"] }).process).toMatchObject({ entrypoint: undefined, command: ["b"] });
  });

  test("the log is below the pod's directory", () => {
    const logOf = (log_path: string, logDirectory = "/logs"): unknown => {
      const { cri } = specOf({ log_path }, { logDirectory });
      return cri?.kind === "container" ? cri.logFile : undefined;
    };
    expect(logOf("main/0.log")).toBe("/logs/main/0.log");
    expect(logOf("")).toBe("");
    expect(logOf("x", "")).toBe("");
    for (const wrong of ["../x", "a/../../x", "x\0"])
      expect(kindOfThrown(() => logOf(wrong))).toBe("invalid");
    expect(kindOfThrown(() => logOf("x", "relative"))).toBe("invalid");
  });

  test("a privileged container needs a privileged sandbox, and has neither filter nor lists", () => {
    const security_context = { privileged: true, capabilities: { drop_capabilities: ["ALL"] } };
    const config = { linux: { security_context } };
    expect(kindOfThrown(() => specOf(config))).toBe("invalid");
    expect(specOf(config, { isPrivileged: true }).isolation).toMatchObject({
      privileged: true,
      seccomp: "unconfined",
      capabilities: undefined,
    });
  });

  test("without a seccomp profile none is used", () => {
    expect(specOf({}).isolation?.seccomp).toBe("unconfined");
    expect(specOf({ linux: { security_context: { seccomp: { profile_type: 0 } } } }).isolation?.seccomp).toBe(
      "builtin",
    );
  });

  test.each([
    [{}, "pod", undefined],
    [{ pid: 1 }, "pod", "private"],
    [{ pid: 2 }, "node", "host"],
    [{ pid: 3, target_id: "b" }, "pod", { container: "b" }],
  ] as const)("namespace options %j in a pod with %s: %j", (namespace_options, pid, expected) => {
    const spec = specOf(
      { linux: { security_context: { namespace_options } } },
      { namespaces: { network: "pod", pid, ipc: "pod" } },
    );
    expect(spec.isolation?.namespaces?.pid).toEqual(expected);
  });

  test("CDI devices come from the field and from annotations, each once", () => {
    const { resources } = specOf({
      CDI_devices: [{ name: "v.com/c=a" }],
      annotations: { "cdi.k8s.io/x": "v.com/c=a,v.com/c=b", other: "v.com/c=z" },
    });
    expect(resources?.deviceRequests).toEqual([
      { driver: "cdi", count: 0, ids: ["v.com/c=a", "v.com/c=b"], capabilities: [], options: {} },
    ]);
    expect(specOf({}).resources?.deviceRequests).toBeUndefined();
  });

  test("it is in the pod's cgroup parent, with its environment and stop signal", () => {
    const spec = specOf({ envs: [{ key: "A", value: Buffer.from("b=c") }], stop_signal: 15 });
    expect(spec.resources?.cgroupParent).toBe("/kubepods/u1");
    expect(spec.process?.env).toEqual(["A=b=c"]);
    expect(spec.lifecycle?.stopSignal).toBe("SIGPOLL");
  });
});

describe("signals", () => {
  test("each number has a signal that the engine knows, and the number back", () => {
    expect([signalName(0), signalName(66), signalName(13), signalName(23)]).toEqual([
      undefined,
      undefined,
      "SIGKILL",
      "SIGTERM",
    ]);
    const names = Array.from({ length: 65 }, (_, index) => signalName(index + 1) ?? "");
    expect(new Set(names).size).toBe(65);
    for (const [index, name] of names.entries()) {
      expect(signalValue(name)).toBe(index + 1);
      if (name !== "SIGCLD") expect([name, parseSignal(name) > 0]).toEqual([name, true]);
    }
    expect([signalName(35), signalName(36), signalName(51), signalName(65)]).toEqual([
      "SIGRTMIN",
      "SIGRTMIN+1",
      "SIGRTMAX-14",
      "SIGRTMAX",
    ]);
  });
});

describe("userOf()", () => {
  test.each([
    [{}, { user: undefined, groupAdd: undefined, memberships: "always" }],
    [{ run_as_user: { value: 0 } }, { user: "0", groupAdd: undefined, memberships: "always" }],
    [
      { run_as_user: { value: 7 }, run_as_group: { value: 8 } },
      { user: "7:8", memberships: "always" },
    ],
    [
      { run_as_username: "me", supplemental_groups: [9] },
      { user: "me", groupAdd: ["9"], memberships: "always" },
    ],
    [{ supplemental_groups_policy: 1 }, { user: undefined, memberships: "never" }],
  ] as const)("%j", (context, expected) => {
    expect(userOf(securityOf(context))).toMatchObject(expected);
  });

  test.each([
    { run_as_group: { value: 1 } },
    { run_as_user: { value: 1 }, run_as_username: "me" },
    { run_as_user: { value: -1 } },
    { run_as_user: { value: 2 ** 31 } },
    { run_as_username: "a:b" },
    { supplemental_groups: [-5] },
  ])("%j is refused", (context) => {
    expect(kindOfThrown(() => userOf(securityOf(context)))).toBe("invalid");
  });
});

test("seccompOf() and appArmorOf() read both generations of fields", () => {
  const profile = (profile_type: number, localhost_ref = ""): Message<"SecurityProfile"> => ({
    profile_type,
    localhost_ref,
  });
  expect(seccompOf(profile(0), "")).toBe("builtin");
  expect(seccompOf(profile(1), "runtime/default")).toBe("unconfined");
  expect(seccompOf(profile(2, "/p.json"), "")).toEqual({ file: "/p.json" });
  expect(kindOfThrown(() => seccompOf(profile(2), ""))).toBe("invalid");
  expect(kindOfThrown(() => seccompOf(profile(9), ""))).toBe("invalid");
  expect([seccompOf(null, ""), seccompOf(null, "runtime/default")]).toEqual(["unconfined", "builtin"]);
  expect(seccompOf(null, "localhost//p.json")).toEqual({ file: "/p.json" });
  expect(kindOfThrown(() => seccompOf(null, "other"))).toBe("invalid");
  expect([
    appArmorOf(profile(0), ""),
    appArmorOf(profile(1), ""),
    appArmorOf(profile(2, "mine"), ""),
  ]).toEqual([undefined, "unconfined", "mine"]);
  expect([appArmorOf(null, ""), appArmorOf(null, "localhost/mine")]).toEqual([undefined, "mine"]);
  expect(selinuxOf({ user: "", role: "", type: "t", level: "s0" })).toEqual(["type:t", "level:s0"]);
});

describe("limits", () => {
  const resources = (more: Reply<"LinuxContainerResources">): Message<"LinuxContainerResources"> | null =>
    containerConfig({ linux: { resources: more } }).linux?.resources ?? null;

  test("0 is not set, memory is the limit of swap, too", () => {
    expect(limitsOf(null)).toEqual({});
    expect(Object.values(limitsOf(resources({}))).every((value) => value === undefined)).toBe(true);
    expect(limitsOf(resources({ memory_limit_in_bytes: 5 }))).toMatchObject({
      memoryBytes: 5,
      memorySwapBytes: 5,
    });
    expect(limitsOf(resources({ cpu_quota: -1 })).cpuQuotaUs).toBe(-1);
  });

  test("encodeResources() is the way back", () => {
    const all = {
      cpu_period: 100_000,
      cpu_quota: 50_000,
      cpu_shares: 512,
      memory_limit_in_bytes: 2 ** 26,
      memory_swap_limit_in_bytes: 2 ** 27,
      oom_score_adj: -5,
      cpuset_cpus: "0-1",
      cpuset_mems: "0",
      hugepage_limits: [{ page_size: "2MB", limit: 2 ** 21 }],
      unified: { "memory.high": "5" },
    };
    const read = resources(all);
    expect(encodeResources({ limits: limitsOf(read), oomScoreAdj: oomScoreAdjOf(read) })).toEqual(all);
    expect(kindOfThrown(() => oomScoreAdjOf(resources({ oom_score_adj: 1001 })))).toBe("invalid");
  });
});

describe("mountOf()", () => {
  const mount = (more: Reply<"Mount">): ReturnType<typeof mountOf> => {
    const [only] = containerConfig({ mounts: [{ container_path: "/m", ...more }] }).mounts;
    if (only === undefined) throw new Error("there is no mount");
    return mountOf(only);
  };

  test.each([
    [{ host_path: "/h" }, { kind: "bind", source: "/h", propagation: "rprivate", readonly: false }],
    [
      { host_path: "/h", readonly: true },
      { readonly: true, readonlyBelow: false },
    ],
    [
      { host_path: "/h", readonly: true, recursive_read_only: true },
      { readonly: true, readonlyBelow: true },
    ],
    [{ host_path: "/h", propagation: 1 }, { propagation: "rslave" }],
    [{ host_path: "/h", propagation: 2 }, { propagation: "rshared" }],
    [
      { image: { image: "i" }, image_sub_path: "s" },
      { kind: "image", image: "i", subpath: "s", readonly: true },
    ],
  ] as const)("%j", (request, expected) => {
    expect(mount(request)).toMatchObject(expected);
  });

  test.each([
    [{ host_path: "h" }, "invalid"],
    [{}, "invalid"],
    [{ host_path: "/h", container_path: "m" }, "invalid"],
    [{ host_path: "/h", image: { image: "i" } }, "invalid"],
    [{ host_path: "/h", recursive_read_only: true }, "invalid"],
    [{ host_path: "/h", readonly: true, recursive_read_only: true, propagation: 1 }, "invalid"],
    [{ host_path: "/h", propagation: 3 }, "invalid"],
    [{ host_path: "/h", mount_options: ["x"] }, "unsupported"],
    [{ host_path: "/h", uidMappings: [{ length: 1 }] }, "unsupported"],
  ] as const)("%j is refused: %s", (request, kind) => {
    expect(kindOfThrown(() => mount(request))).toBe(kind);
  });
});

test("nameOf() gives names that the engine takes, different for different parts", () => {
  expect(nameOf(["a", "b", 0])).toBe("k8s_a_b_0");
  const long = nameOf(["a".repeat(300)]);
  expect(long).toMatch(/^k8s_a+_[0-9a-f]{32}$/);
  expect(long).toHaveLength(255);
  expect(nameOf(["a b"])).not.toBe(nameOf(["a-b"]));
  expect(nameOf(["a b"])).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
});

test("credentialsOf() takes what a kubelet sends, in this order", () => {
  const auth = (more: Reply<"AuthConfig">): ReturnType<typeof credentialsOf> => {
    const { request } = codingsOf("runtime.v1.ImageService/PullImage");
    return credentialsOf(request.decode(request.encode({ auth: more })).auth);
  };
  expect(credentialsOf(null)).toBeUndefined();
  expect(auth({})).toBeUndefined();
  expect(auth({ username: "u", password: "p" })).toEqual({ kind: "password", username: "u", password: "p" });
  expect(auth({ auth: Buffer.from("u:p:q").toString("base64") })).toEqual({
    kind: "password",
    username: "u",
    password: "p:q",
  });
  expect(auth({ identity_token: "t", username: "u" })).toEqual({ kind: "identity-token", token: "t" });
  expect(auth({ registry_token: "t" })).toEqual({ kind: "registry-token", token: "t" });
  expect(kindOfThrown(() => auth({ auth: "bm9wZQ==" }))).toBe("invalid");
});

describe("status", () => {
  const container = (state: ContainerState): CriObject<CriContainerSettings> => {
    const spec = specOf({ labels: { a: "b" } });
    if (spec.cri?.kind !== "container") throw new Error("it is no container");
    const object = { id, createdAt: 1000, imageId: "sha256:x", state, spec, settings: spec.cri };
    return { ...object, spec: { ...spec, pod: "b".repeat(64) } };
  };
  const ended = { status: "exited", code: 0, oomKilled: false, startedAt: 2000, finishedAt: 3000 } as const;

  test.each([
    [{ status: "created" }, { state: 0, started_at: 0, finished_at: 0, reason: "" }],
    [
      { status: "running", pid: 1, startedAt: 2000 },
      { state: 1, started_at: 2e9, finished_at: 0 },
    ],
    [{ status: "paused", pid: 1, startedAt: 2000 }, { state: 1 }],
    [ended, { state: 2, started_at: 2e9, finished_at: 3e9, exit_code: 0, reason: "Completed" }],
    [
      { ...ended, code: 3 },
      { state: 2, exit_code: 3, reason: "Error" },
    ],
    [{ ...ended, code: 137, oomKilled: true }, { reason: "OOMKilled" }],
    [
      { ...ended, code: 127, startedAt: undefined, error: "why" },
      { reason: "StartError", message: "why" },
    ],
    [{ status: "dead", error: "why" }, { state: 3 }],
  ] as const)("of a container that is %j", (state, expected) => {
    const options = { imageReference: "r", user: undefined };
    expect(encodeContainerStatus(container(state), options)).toMatchObject({
      ...expected,
      created_at: 1e9,
      image_ref: "r",
      labels: { a: "b" },
    });
  });

  test("of a sandbox has the first address as its own", () => {
    expect(encodeSandboxStatus(sandbox(), ["10.0.0.2", "fd00::2"]).network).toEqual({
      ip: "10.0.0.2",
      additional_ips: [{ ip: "fd00::2" }],
    });
    expect(encodeSandboxStatus(sandbox(), []).network).toEqual({ ip: "", additional_ips: [] });
  });

  test.each([
    [{}, true],
    [{ id: "aaaa" }, true],
    [{ id: "b" }, false],
    [{ pod_sandbox_id: "bbbb" }, true],
    [{ pod_sandbox_id: "c" }, false],
    [{ state: { state: 0 } }, true],
    [{ state: { state: 1 } }, false],
    [{ label_selector: { a: "b" } }, true],
    [{ label_selector: { a: "b", c: "d" } }, false],
  ] as const)("containerFilter(%j) selects it: %j", (filter, expected) => {
    const { request } = codingsOf("runtime.v1.RuntimeService/ListContainers");
    const received = request.decode(request.encode({ filter })).filter;
    expect(containerFilter(received)(container({ status: "created" }))).toBe(expected);
  });
});
