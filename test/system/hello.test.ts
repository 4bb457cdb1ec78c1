import { describe, expect, test } from "bun:test";
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { detectCgroups, findController, hierarchiesOf } from "../../src/linux/cgroup/layout.ts";
import { openCgroupParent } from "../../src/linux/cgroup/parent.ts";
import { planCgroup } from "../../src/linux/cgroup/plan.ts";
import { namespaceKinds, readNamespaces } from "../../src/linux/namespaces/namespaces.ts";

const native = join(import.meta.dir, "../../native");
const hello = join(native, "build/hello.elf");
const built = Bun.spawnSync(["make", "--silent", "-C", native, "build/hello.elf"]);
if (built.exitCode !== 0) throw new Error(built.stderr.toString());

function run(...command: string[]): { text: string; code: number } {
  const result = Bun.spawnSync(command, { stderr: "inherit" });
  return { text: result.stdout.toString(), code: result.exitCode };
}

/** The rest of the first line that starts with this name. */
const row = (text: string, name: string): string | undefined =>
  text
    .split("\n")
    .find((line) => line.startsWith(`  ${name} `))
    ?.slice(22);

describe("hello", () => {
  test("hello stays small", () => {
    expect(statSync(hello).size).toBeLessThanOrEqual(20 * 1024);
  });

  test("hello shows on the host what /proc shows", () => {
    const { text, code } = run(hello);
    expect(code).toBe(0);
    const inodes = readNamespaces("self");
    for (const kind of namespaceKinds) {
      expect(row(text, kind.type)).toStartWith(String(inodes[kind.type]));
      expect(row(text, kind.type)).toEndWith(kind.sharedWithout);
    }
    expect(row(text, "host name")).toBe(hostname());
    expect(row(text, "user and group")).toBe(`${process.getuid?.()}:${process.getgid?.()}`);
    const status = readFileSync("/proc/self/status", "utf8");
    const count = [...BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(status)?.[1]}`).toString(2)].filter(
      (bit) => bit === "1",
    ).length;
    const list = /capabilities {8}((?:[a-z_ ]+\n)+?) {2}bounding set/.exec(text)?.[1] ?? "";
    expect(list.trim().split(/\s+/).length).toBe(count);
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n").length;
    expect(
      text
        .slice(text.indexOf("\nMounts\n") + 8)
        .trim()
        .split("\n").length,
    ).toBe(mounts);
  });

  test("hello shows its own namespaces, name, pid and id map in new ones", () => {
    const script = `hostname inside && mount -t proc proc /proc && exec ${hello}`;
    const flags = [
      "--user",
      "--map-root-user",
      "--mount",
      "--uts",
      "--ipc",
      "--net",
      "--pid",
      "--cgroup",
      "--fork",
    ];
    const { text, code } = run("unshare", ...flags, "sh", "-c", script);
    expect(code).toBe(0);
    const inodes = readNamespaces("self");
    for (const type of ["mount", "uts", "ipc", "network", "pid", "cgroup", "user"] as const) {
      expect(row(text, type)).toMatch(/^\d{10} /);
      expect(row(text, type)).not.toStartWith(String(inodes[type]));
    }
    expect(row(text, "time")).toStartWith(`${inodes.time}  (shared) `);
    expect(row(text, "host name")).toBe("inside");
    expect(row(text, "process id")).toBe("1");
    expect(row(text, "uid map")).toBe(`0 here is ${process.getuid?.()} outside, for 1 id`);
    expect(text).toContain("\n  rw  proc      /proc\n");
  });

  test("hello shows the limits of the cgroup that it is in, and none that it cannot see", async () => {
    const name = `tare-hello-${process.pid}`;
    const layout = detectCgroups();
    using parent = openCgroupParent(name, layout);
    const limits = {
      memoryBytes: 64 << 20,
      memorySwapBytes: 96 << 20,
      nanoCpus: 5e8,
      cpuShares: 512,
      pidsLimit: 33,
    };
    const cgroup = parent.create("one", planCgroup({ ...limits, cpusetCpus: "0" }, layout));
    try {
      const joins = hierarchiesOf(layout).map(
        (one) => `echo 0 > ${one.mountPath}/${cgroup.path}/${one.version === 1 ? "tasks" : "cgroup.procs"}`,
      );
      const { text } = run("sh", "-c", `${joins.join(" && ")} && exec ${hello}`);
      const version = (controller: string): number | undefined => findController(layout, controller)?.version;
      if (version("memory")) expect(row(text, "memory")).toBe("64 MiB");
      if (version("memory") === 1) expect(row(text, "memory and swap")).toBe("96 MiB");
      if (version("memory") === 2) expect(row(text, "swap")).toBe("32 MiB");
      if (version("cpu")) expect(row(text, "cpu time")).toBe("0.50 CPUs (50000 us in each 100000 us)");
      if (version("cpu") === 1) expect(row(text, "cpu shares")).toBe("512");
      if (version("cpu") === 2) expect(row(text, "cpu weight")).toBe("20");
      if (version("cpuset")) expect(row(text, "cpus")).toBe("0");
      if (version("pids")) expect(row(text, "processes")).toBe("33");
      // with a namespace of its own but the host's mounts, nothing that is shown is its own
      const hidden = run("sh", "-c", `${joins.join(" && ")} && exec unshare --cgroup ${hello}`).text;
      for (const controller of ["memory", "processes"]) expect(row(hidden, controller)).toBe("not visible");
    } finally {
      await cgroup.remove();
      parent.removeEmpty();
    }
  });

  test("hello says not visible without /proc and ends well", () => {
    const folder = mkdtempSync(join(tmpdir(), "tare-hello-"));
    try {
      copyFileSync(hello, join(folder, "hello"));
      const { text, code } = run("chroot", folder, "/hello");
      expect(code).toBe(0);
      expect(row(text, "mount")).toStartWith("not visible");
      for (const name of ["uid map", "memory", "cpu time", "processes", "capabilities", "seccomp"]) {
        expect(row(text, name)).toBe("not visible");
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("hello ends with 1 when nobody can read it", () => {
    const full = openSync("/dev/full", "w");
    expect(Bun.spawnSync([hello], { stdout: full }).exitCode).toBe(1);
    closeSync(full);
    const piped = run("bash", "-c", `{ sleep 0.1; exec ${hello}; } | true; echo "\${PIPESTATUS[0]}"`);
    expect(piped.text.trim()).toBe("1");
  });
});
