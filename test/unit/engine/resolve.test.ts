import { describe, expect, test } from "bun:test";
import { cleanPath } from "../../../src/engine/resolve/clean-path.ts";
import { resolveCommand } from "../../../src/engine/resolve/command.ts";
import {
  parseContainerName,
  randomContainerId,
  randomContainerName,
} from "../../../src/engine/resolve/container-name.ts";
import { mergeEnvironment, resolveEnvironment, withHome } from "../../../src/engine/resolve/environment.ts";
import { checkMounts, resolveAllMounts, resolveMounts } from "../../../src/engine/resolve/mounts.ts";
import {
  checkHostsBase,
  extendHosts,
  formatHosts,
  formatHostsOn,
  parseExtraHosts,
} from "../../../src/engine/resolve/network-files.ts";
import { type HostFacts, resolveContainer } from "../../../src/engine/resolve/container.ts";
import { resolveResourceLimits } from "../../../src/engine/resolve/resource-limits.ts";
import { toRuntimeConfig, type StartFacts } from "../../../src/engine/resolve/runtime-config.ts";
import { adjectives, surnames } from "../../../src/engine/resolve/words.ts";
import type { ContainerSpec } from "../../../src/model/container-spec.ts";
import type { ContainerMount } from "../../../src/model/mounts.ts";
import { capabilityNames, defaultCapabilities } from "../../../src/linux/process/capability.ts";
import type { ResourceName } from "../../../src/linux/process/rlimit.ts";
import type { ImageDefaults } from "../../../src/spec/image/config.ts";
import type { ContainerId } from "../../../src/model/ids.ts";
import { asId } from "../../support/ids.ts";

const image: ImageDefaults = {
  user: "",
  env: ["PATH=/image/bin", "FROM_IMAGE=1"],
  workingDirectory: "",
  labels: { from: "image", both: "image" },
  exposedPorts: [],
  volumes: [],
  onBuild: [],
  cmd: ["image-cmd"],
};
const host = {
  hostname: "host-name",
  capabilities: new Set(capabilityNames),
};
const id = "0123456789abcdef".repeat(4);
const plan = (spec: Partial<ContainerSpec> = {}, defaults: Partial<ImageDefaults> = {}) =>
  resolveContainer(asId<ContainerId>(id), {
    spec: { image: "x", ...spec },
    image: { ...image, ...defaults },
    host,
  });

describe("resolveCommand()", () => {
  test.each([
    ["the image's both", {}, { entrypoint: ["e"], cmd: ["c"] }, ["e", "c"]],
    ["own command", { process: { command: ["o"] } }, { entrypoint: ["e"], cmd: ["c"] }, ["e", "o"]],
    [
      "own entrypoint drops the image's command",
      { process: { entrypoint: ["o"] } },
      { entrypoint: ["e"], cmd: ["c"] },
      ["o"],
    ],
    [
      "both own",
      { process: { entrypoint: ["o"], command: ["p"] } },
      { entrypoint: ["e"], cmd: ["c"] },
      ["o", "p"],
    ],
    [
      "an empty entrypoint leaves the command",
      { process: { entrypoint: [] } },
      { entrypoint: ["e"], cmd: ["c"] },
      ["c"],
    ],
    [
      '[""] with a command',
      { process: { entrypoint: [""], command: ["p"] } },
      { entrypoint: ["e"], cmd: ["c"] },
      ["p"],
    ],
    ["no entrypoint at all", { process: { command: ["p"] } }, {}, ["p"]],
  ] as const)("takes %s", (_, asked, from, wanted) => {
    expect(resolveCommand(asked, from)).toEqual([...wanted]);
  });

  test("refuses when nothing is left", () => {
    expect(() => resolveCommand({}, {})).toThrow("no command specified");
    expect(() =>
      resolveCommand({ process: { entrypoint: [""] } }, { entrypoint: ["e"], cmd: ["c"] }),
    ).toThrow("no command specified");
    expect(() => resolveCommand({ process: { command: ["a\0b"] } }, {})).toThrow("NUL byte");
  });
});

describe("environment", () => {
  test("mergeEnvironment() puts the caller's first and keeps the last of a name", () => {
    expect(mergeEnvironment(["A=1", "B=2", "A=3"], ["B=image", "C=image"])).toEqual([
      "A=3",
      "B=2",
      "C=image",
    ]);
    expect(mergeEnvironment(["C"], ["C=image"])).toEqual(["C"]);
    expect(() => mergeEnvironment(["=1"], [])).toThrow("invalid environment variable: =1");
  });

  test("resolveEnvironment() has Docker's order and defaults", () => {
    const options = { hostname: "box", terminal: true };
    expect(resolveEnvironment(["X=1", "TERM=dumb"], options)).toEqual([
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOSTNAME=box",
      "TERM=dumb",
      "X=1",
    ]);
    expect(resolveEnvironment(["PATH", "HOSTNAME="], { ...options, terminal: false })).toEqual(["HOSTNAME="]);
    expect(withHome(["A=1"], "/root")).toEqual(["A=1", "HOME=/root"]);
    expect(withHome(["HOME=/x"], "/root")).toEqual(["HOME=/x"]);
    expect(withHome(["HOME=", "A=1"], "/root")).toEqual(["A=1", "HOME=/root"]);
  });
});

describe("container names", () => {
  test("parseContainerName() follows Docker's rule", () => {
    expect(parseContainerName("/web.1_a-b")).toBe("web.1_a-b");
    for (const bad of ["", "a", "-ab", "_ab", "a b", "a/b", "ü1", "a".repeat(256)]) {
      expect(() => parseContainerName(bad)).toThrow(/Invalid container name|cannot name a container/);
    }
  });

  test("randomContainerName() finds a free one, in the end with a number", () => {
    expect(randomContainerName(() => false)).toMatch(/^[a-z]+_[a-z]+$/);
    expect(randomContainerName((name) => /^[a-z]+_[a-z]+$/.test(name))).toMatch(/^[a-z]+_[a-z]+\d+$/);
    expect(new Set(adjectives).size).toBe(adjectives.length);
    expect(new Set(surnames).size).toBe(surnames.length);
    expect(randomContainerId()).toMatch(/^[0-9a-f]{64}$/);
  });
});

test("cleanPath() resolves a path by its text", () => {
  for (const [path, clean] of [
    ["/", "/"],
    ["//a//b/", "/a/b"],
    ["/a/./b/../c", "/a/c"],
    ["/../../x", "/x"],
  ] as const) {
    expect(cleanPath(path)).toBe(clean);
  }
});

describe("mounts", () => {
  const bind = (target: string, source = "/src"): ContainerMount => ({ kind: "bind", source, target });

  test.each([
    ["root", [bind("/")], "destination can't be '/'"],
    ["root in disguise", [bind("/a/..")], "destination can't be '/'"],
    ["a relative target", [bind("data")], "mount path must be absolute"],
    ["a relative source", [bind("/data", "src")], "invalid mount source"],
    ["a doubled target", [bind("/a"), bind("/a/")], "duplicate mount point: /a"],
    ["/proc", [bind("/proc")], "inside /proc"],
    ["below /proc", [bind("/proc/sys/kernel")], "inside /proc"],
    ["/proc by a detour", [bind("/x/../proc/self")], "inside /proc"],
    ["/sys", [bind("/sys")], "/sys cannot be covered"],
    ["an unknown tmpfs option", [{ kind: "tmpfs", target: "/t", options: "evil=1" }], "invalid tmpfs option"],
  ] as const)("checkMounts() refuses %s", (_, mounts, sentence) => {
    expect(() => checkMounts(mounts as readonly ContainerMount[])).toThrow(sentence);
  });

  test("checkMounts() takes the host's /sys on /sys, and lxcfs's files", () => {
    expect(checkMounts([bind("/sys/", "/sys"), bind("/proc/cpuinfo")]).map(({ target }) => target)).toEqual([
      "/sys",
      "/proc/cpuinfo",
    ]);
  });

  test("resolveMounts() mounts its files over a volume on /etc, read-only where the root is, and leaves the caller's own", () => {
    const files = { "/etc/hosts": "/run/hosts", "/etc/resolv.conf": "/run/resolv.conf" };
    for (const readOnlyRoot of [false, true]) {
      const mounts = resolveMounts({
        privileged: false,
        readOnlyRoot,
        files,
        mounts: checkMounts([bind("/etc/hosts"), { kind: "volume", name: "v", target: "/etc" }]),
      });
      const order = mounts.map(({ destination }) => destination);
      expect(order.indexOf("/etc/resolv.conf")).toBeGreaterThan(order.indexOf("/etc"));
      expect(order.filter((path) => path === "/etc/hosts")).toHaveLength(1);
      const found = (target: string) => mounts.find(({ destination }) => destination === target);
      expect(found("/etc/resolv.conf")?.options).toContain(readOnlyRoot ? "ro" : "rw");
      expect(found("/etc/hosts")?.source).not.toBe("/run/hosts");
      expect(found("/etc/hosts")?.options).toContain("rw");
    }
  });

  test("resolveMounts() mounts from outside to inside, and lets the caller's replace ours", () => {
    const mounts = resolveMounts({
      privileged: false,
      shmBytes: 1024,
      files: { "/etc/hosts": "/run/hosts", "/etc/hostname": "/run/hostname" },
      mounts: checkMounts([
        bind("/data/deep/er"),
        bind("/data"),
        { kind: "tmpfs", target: "/dev/shm", options: "size=5m" },
        bind("/etc/hosts"),
        { kind: "volume", name: "v", target: "/data/deep" },
      ]),
    });
    const order = mounts.map(({ destination }) => destination);
    expect(order.slice(0, 6)).toEqual(["/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue"]);
    expect(order.slice(6).sort()).toEqual([
      "/data",
      "/data/deep",
      "/data/deep/er",
      "/dev/shm",
      "/etc/hostname",
      "/etc/hosts",
    ]);
    expect(order.filter((path) => path.startsWith("/data"))).toEqual([
      "/data",
      "/data/deep",
      "/data/deep/er",
    ]);
    expect(mounts.find(({ destination }) => destination === "/sys")?.options).toContain("ro");
    expect(mounts.find(({ destination }) => destination === "/dev/shm")?.options).toEqual([
      "noexec",
      "nosuid",
      "nodev",
      "size=5m",
    ]);
  });

  test("resolveMounts() of a privileged container may write to the kernel's files", () => {
    const mounts = resolveMounts({ privileged: true, shmBytes: 1, files: {}, mounts: [] });
    for (const path of ["/sys", "/sys/fs/cgroup"]) {
      expect(mounts.find(({ destination }) => destination === path)?.options).toContain("rw");
    }
  });

  test.each([
    [{}, ["rbind", "rw", "rprivate"]],
    [{ readonly: true }, ["rbind", "rro", "rprivate"]],
    [{ readonly: true, readonlyBelow: false, propagation: "rslave" }, ["rbind", "ro", "rslave"]],
    [{ readonly: true, recursive: false }, ["bind", "ro", "rprivate"]],
    [{ recursive: false, propagation: "shared" }, ["bind", "rw", "shared"]],
  ] as const)("resolveMounts() of a bind with %j says %j", (more, options) => {
    const mounts = resolveMounts({
      privileged: false,
      shmBytes: 1,
      files: {},
      mounts: [{ ...bind("/x"), ...more } as ContainerMount],
    });
    expect(mounts.find(({ destination }) => destination === "/x")?.options).toEqual([...options]);
  });

  test("resolveAllMounts() gives the paths that nothing stands on anonymous volumes", () => {
    const targets = resolveAllMounts(
      { storage: { mounts: [bind("/c/"), { kind: "tmpfs", target: "/t" }], volumes: ["/own/", "/c"] } },
      { image: ["/a", "b/", "/c", "/t"], inherited: [] },
    ).map(({ target, kind }) => `${kind} ${target}`);
    expect(targets).toEqual(["bind /c", "tmpfs /t", "volume /own", "volume /a", "volume /b"]);
    for (const bad of ["/", "/proc/x", "/a/../sys", "/dev/shm"]) {
      expect(() => resolveAllMounts({}, { image: [bad], inherited: [] })).toThrow("volume");
      expect(() => resolveAllMounts({ storage: { volumes: [bad] } }, { image: [], inherited: [] })).toThrow(
        "volume",
      );
    }
  });

  test("resolveAllMounts() lets the caller's win over other containers', and the last of those over the first", () => {
    const all = resolveAllMounts(
      { storage: { mounts: [bind("/a", "/mine")], volumes: ["/b"] } },
      { image: [], inherited: [[bind("/a", "/1"), bind("/b", "/1")], [bind("/b", "/2")]] },
    );
    expect(all).toEqual([bind("/a", "/mine"), bind("/b", "/2")]);
  });

  test.each(["/abs", "..", "a/../../b", "x\0"])("checkMounts() refuses the subpath %j", (subpath) => {
    expect(() => checkMounts([{ kind: "volume", name: "v", target: "/x", subpath }])).toThrow("subpath");
  });
});

describe("resolveContainer()", () => {
  test("has Docker's defaults", () => {
    expect(plan()).toMatchObject({
      args: ["image-cmd"],
      ownEnv: image.env,
      hostname: "0123456789ab",
      workingDirectory: "/",
      stopSignal: "SIGTERM",
      stopGraceMs: 10_000,
      shmBytes: 64 * 1024 * 1024,
      seccomp: "default",
      labels: { from: "image", both: "image" },
    });
    expect(new Set(plan().capabilities)).toEqual(new Set(defaultCapabilities));
    expect(plan().maskedPaths).toContain("/proc/kcore");
    expect(plan().readonlyPaths).toContain("/proc/sys");
  });

  test("is called as the owner of its network, unless its names are the host's", () => {
    const networkOwner = {
      id: asId<ContainerId>("f".repeat(64)),
      spec: { image: "x", network: { hostname: "owner", domainname: "test" } },
    };
    const named = (spec: Partial<ContainerSpec>): unknown => {
      const { hostname, domainname, env } = resolveContainer(asId<ContainerId>(id), {
        spec: {
          image: "x",
          ...spec,
          isolation: { namespaces: { network: { container: "y" } }, ...spec.isolation },
        },
        image,
        host,
        networkOwner,
      });
      return { hostname, domainname, env: env.find((entry) => entry.startsWith("HOSTNAME=")) };
    };
    expect(named({})).toEqual({ hostname: "owner", domainname: "test", env: "HOSTNAME=owner" });
    expect(named({ isolation: { namespaces: { network: { container: "y" }, uts: "host" } } })).toMatchObject({
      hostname: host.hostname,
      domainname: "",
    });
  });

  test("takes the caller's over the image's", () => {
    const defaults = { user: "image", workingDirectory: "/image", stopSignal: "SIGQUIT" };
    expect(plan({}, defaults)).toMatchObject({
      user: "image",
      workingDirectory: "/image",
      stopSignal: "SIGQUIT",
    });
    const spec: Partial<ContainerSpec> = {
      labels: { both: "own" },
      process: { user: "own", workingDirectory: "/own/" },
      lifecycle: { stopSignal: "15" },
    };
    expect(plan(spec, defaults)).toMatchObject({
      user: "own",
      workingDirectory: "/own",
      stopSignal: "SIGTERM",
      labels: { from: "image", both: "own" },
    });
  });

  test("opens everything for a privileged container", () => {
    const opened = plan({ isolation: { privileged: true } });
    expect(opened).toMatchObject({ maskedPaths: [], readonlyPaths: [], seccomp: "unconfined" });
    expect(opened.capabilities).toHaveLength(capabilityNames.length);
    expect(plan({ isolation: { systemPaths: "unconfined" } })).toMatchObject({
      maskedPaths: [],
      seccomp: "default",
    });
  });

  test("warns of capabilities that the engine itself lacks", () => {
    const poor = { ...host, capabilities: new Set(defaultCapabilities) };
    const spec = { image: "x", isolation: { capabilities: { add: ["SYS_TIME"] } } };
    expect(resolveContainer(asId<ContainerId>(id), { spec, image, host: poor }).warnings).toEqual([
      "CAP_SYS_TIME cannot be given: the engine itself lacks it",
    ]);
  });

  test("warns of limits and scores that stay where they are without CAP_SYS_RESOURCE", () => {
    const limitOf = (resource: ResourceName) => ({ resource, soft: 5, hard: 10 });
    const poor = { ...host, ceilings: { limitOf, oomScoreAdj: 3 } };
    const rlimits = [{ name: "nofile", soft: 20, hard: 20 }];
    const warnings = (spec: Partial<ContainerSpec>, on: HostFacts = poor) =>
      resolveContainer(asId<ContainerId>(id), { spec: { image: "x", ...spec }, image, host: on }).warnings;
    expect(warnings({ resources: { rlimits, oomScoreAdj: 2 } })).toEqual([
      expect.stringContaining("using nofile=10:10 instead of nofile=20:20"),
      "cannot lower the out-of-memory score to 2 without CAP_SYS_RESOURCE: it stays 3",
    ]);
    expect(
      warnings({ resources: { rlimits: [{ name: "nofile", soft: 5, hard: 10 }], oomScoreAdj: 3 } }),
    ).toEqual([]);
    expect(warnings({ resources: { rlimits, oomScoreAdj: 2 } }, host)).toEqual([]);
  });

  test("takes masked and read-only paths of the caller's in place of its own", () => {
    expect(plan({ isolation: { maskedPaths: ["/a/../b/"], readonlyPaths: [] } })).toMatchObject({
      maskedPaths: ["/b"],
      readonlyPaths: [],
    });
    expect(plan({ isolation: { maskedPaths: ["/a"], privileged: true } }).maskedPaths).toEqual([]);
  });

  test("uses the host's name in the host's network and UTS namespace", () => {
    expect(plan({ isolation: { namespaces: { network: "host" } } }).hostname).toBe("host-name");
    expect(
      plan({ isolation: { namespaces: { network: "host" } }, network: { hostname: "own" } }).hostname,
    ).toBe("own");
    expect(plan({ isolation: { namespaces: { uts: "host" } } }).hostname).toBe("host-name");
  });

  test.each([
    [{ isolation: { capabilities: { add: ["NO_SUCH"] } } }, "capability"],
    [{ process: { workingDirectory: "relative" } }, "needs to be an absolute path"],
    [{ lifecycle: { stopSignal: "SIGNOPE" } }, "invalid signal"],
    [{ network: { hostname: "bad name" } }, "invalid hostname"],
    [{ network: { hostname: "x" }, isolation: { namespaces: { uts: "host" } } }, "conflicting options"],
    [
      { network: { hostname: "x" }, isolation: { namespaces: { network: { container: "y" } } } },
      "conflicting options",
    ],
    [{ resources: { oomScoreAdj: 1001 } }, "oom score adj"],
    [{ resources: { rlimits: [{ name: "nofile", soft: 2, hard: 1 }] } }, "soft limit must be less than"],
    [{ resources: { rlimits: [{ name: "nonsense", soft: 1, hard: 1 }] } }, "invalid ulimit type"],
    [{ network: { extraHosts: ["nonsense"] } }, "add-host"],
    [{ storage: { shmBytes: -1 } }, "SHM size"],
    [{ isolation: { maskedPaths: ["proc"] } }, 'invalid masked path "proc"'],
    [{ isolation: { readonlyPaths: ["/a", "b"] } }, 'invalid read-only path "b"'],
    [{ isolation: { selinux: ["disable"] } }, 'invalid SELinux label "disable"'],
    [
      { storage: { mounts: [{ kind: "image", image: "x", target: "/m", subpath: "../x" }] } },
      "relative path within the image",
    ],
  ] as const)("refuses %j", (spec, sentence) => {
    expect(() => plan(spec as Partial<ContainerSpec>)).toThrow(sentence);
  });
});

test("resolveResourceLimits() gives the specification's names", () => {
  expect(resolveResourceLimits([{ name: "nofile", soft: 1, hard: -1 }])).toEqual([
    { type: "RLIMIT_NOFILE", soft: 1, hard: -1 },
  ]);
});

describe("network files", () => {
  test("parseExtraHosts() takes IPv6 and brackets", () => {
    expect(parseExtraHosts(["a:1.2.3.4", "b:::1", "c=[fe80::1]"])).toEqual([
      { name: "a", address: "1.2.3.4" },
      { name: "b", address: "::1" },
      { name: "c", address: "fe80::1" },
    ]);
  });

  test("formatHostsOn() begins with what the caller chose, and has a localhost in any case", () => {
    const extra = parseExtraHosts(["db:10.0.0.1"]);
    expect(formatHostsOn("127.0.0.1 me localhost # here", extra)).toBe(
      "127.0.0.1 me localhost # here\n10.0.0.1\tdb\n",
    );
    expect(formatHostsOn("1.2.3.4 other # localhost\n", extra)).toBe(
      "1.2.3.4 other # localhost\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.1\tdb\n",
    );
  });

  test("checkHostsBase() refuses what can't be one, or what does not go together", () => {
    for (const hostsFile of ["none", "image", "/etc/hosts"])
      checkHostsBase({ image: "i", network: { hostsFile } });
    expect(() => checkHostsBase({ image: "i", network: { hostsFile: "hosts" } })).toThrow(
      'invalid hosts file "hosts": it must be an absolute path, "none" or "image"',
    );
    expect(() => checkHostsBase({ image: "i", network: { hostsFile: "none", ownsHosts: true } })).toThrow(
      "conflicting",
    );
    const namespaces = { network: { container: "other" } };
    expect(() =>
      checkHostsBase({ image: "i", network: { hostsFile: "none" }, isolation: { namespaces } }),
    ).toThrow("conflicting");
  });

  test("formatHosts() and extendHosts() add the caller's", () => {
    const extra = [{ name: "db", address: "10.0.0.1" }];
    expect(formatHosts([], extra)).toEndWith("\n10.0.0.1\tdb\n");
    expect(extendHosts("127.0.0.1 localhost", extra)).toBe("127.0.0.1 localhost\n10.0.0.1\tdb\n");
  });
});

describe("toRuntimeConfig()", () => {
  const facts: StartFacts = {
    user: { uid: 5, gid: 6, additionalGids: [7], home: "/home/five" },
    files: {},
    cgroup: "tare-1/x",
    hostDevices: [{ type: "b", path: "/dev/sda", major: 8, minor: 0 }],
    devices: [],
    seccomp: "default",
  };
  const config = (spec: Partial<ContainerSpec> = {}) =>
    toRuntimeConfig({ image: "x", ...spec }, { plan: plan(spec), facts, resources: { pids: { limit: 7 } } });

  test("is a private container by default", () => {
    const made = config();
    expect(made.linux.namespaces.map(({ type }) => type).sort()).toEqual([
      "cgroup",
      "ipc",
      "mount",
      "network",
      "pid",
      "uts",
    ]);
    expect(made.process).toMatchObject({
      user: { uid: 5, gid: 6, additionalGids: [7] },
      args: ["image-cmd"],
      cwd: "/",
      noNewPrivileges: false,
    });
    expect(made.process.env).toContain("HOME=/home/five");
    expect(made.process.capabilities?.inheritable).toBeUndefined();
    expect(made.linux.devices?.map(({ path }) => path)).not.toContain("/dev/sda");
    expect(made.hostname).toBe("0123456789ab");
  });

  test("leaves out the namespaces of the host", () => {
    const made = config({
      isolation: { namespaces: { pid: "host", network: "host", uts: "host", ipc: "host", cgroup: "host" } },
    });
    expect(made.linux.namespaces.map(({ type }) => type)).toEqual(["mount"]);
    expect(made.hostname).toBeUndefined();
  });

  test("passes resources on", () => {
    expect(config().linux.resources).toEqual({ pids: { limit: 7 } });
  });

  test("gives the host's devices to a privileged container", () => {
    expect(config({ isolation: { privileged: true } }).linux.devices?.map(({ path }) => path)).toContain(
      "/dev/sda",
    );
  });
});
