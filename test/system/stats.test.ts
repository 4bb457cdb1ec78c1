import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { totalmem } from "node:os";
import type { ContainerStats } from "../../src/api/types/statistics.ts";
import { detectCgroups, findController } from "../../src/linux/cgroup/layout.ts";
import { type ContainerStatistics, connectEngine, type LibraryEngine } from "../../src/mod.ts";
import { rawRequest, bodyOf, requestText, statusOf } from "../unit/daemon/raw-request.ts";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";
import { TerminalSession } from "../support/terminal-session.ts";

const MiB = 2 ** 20;

describe.skipIf(!isRoot)("stats", () => {
  let tare: Installation;
  let engine: LibraryEngine;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    engine = await connectEngine({ host: `unix://${tare.clientSocket}` });
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const start = (name: string, ...rest: readonly string[]): Promise<string> =>
    tare.must(["run", "-d", "--name", name, ...rest]);
  const get = async (name: string, query: string): Promise<ContainerStats> => {
    const reply = await rawRequest(tare.socket, requestText(`GET /v1.45/containers/${name}/stats?${query}`));
    expect(statusOf(reply)).toBe(200);
    return JSON.parse(
      bodyOf(reply)
        .replace(/^[0-9a-f]+\r\n/, "")
        .split("\n", 1)[0] ?? "",
    ) as ContainerStats;
  };
  /** Reads samples until one is as wanted. */
  const see = async (name: string, isSo: (stats: ContainerStats) => boolean): Promise<ContainerStats> => {
    for (let tries = 0; ; tries++) {
      const stats = await get(name, "stream=0&one-shot=1");
      if (isSo(stats)) return stats;
      expect(tries, JSON.stringify(stats)).toBeLessThan(300);
      await Bun.sleep(50);
    }
  };

  test("figures are the kernel's: time, throttling, memory, processes, pressure", async () => {
    const script =
      "head -c 20971520 /dev/zero > /dev/shm/f; cat /dev/shm/f > /dev/null; sleep 1000 & while :; do :; done";
    const limits = "--cpus 0.1 -m 64m --pids-limit 20".split(" ");
    await start("busy", ...limits, "busybox", "sh", "-c", script);
    // The kernel adds up what each processor has counted only now and then.
    const shared = 19 * MiB;
    const stats = await see(
      "busy",
      ({
        cpu_stats: { throttling_data },
        memory_stats: { usage = 0, stats = {} },
        pids_stats: { current = 0 },
      }) =>
        throttling_data.throttled_periods > 0 &&
        usage >= 20 * MiB &&
        (stats["total_shmem"] ?? stats["shmem"] ?? 0) >= shared &&
        current === 2,
    );
    expect(stats.name).toBe("/busy");
    expect(stats.pids_stats).toEqual({ current: 2, limit: 20 });
    expect(stats.memory_stats.limit).toBe(64 * MiB);
    expect(stats.memory_stats.usage).toBeLessThanOrEqual(64 * MiB);
    expect(stats.memory_stats.max_usage).toBeGreaterThanOrEqual(stats.memory_stats.usage as number);
    const isV1 = findController(detectCgroups(), "memory")?.version === 1;
    expect(stats.memory_stats.stats?.[isV1 ? "total_shmem" : "shmem"]).toBeGreaterThanOrEqual(shared);
    const { cpu_usage: cpu, throttling_data: throttling, ...host } = stats.cpu_stats;
    expect(cpu.total_usage).toBeGreaterThan(0);
    if (cpu.percpu_usage !== undefined) {
      expect(cpu.percpu_usage.reduce((sum, ns) => sum + ns, 0)).toBe(cpu.total_usage);
    }
    expect(throttling.periods).toBeGreaterThanOrEqual(throttling.throttled_periods);
    expect(throttling.throttled_time).toBeGreaterThan(0);
    expect(host.online_cpus).toBeGreaterThan(0);
    expect(host.system_cpu_usage).toBeGreaterThan(cpu.total_usage);
    expect(stats.precpu_stats.system_cpu_usage).toBeUndefined();
    if (detectCgroups().v2 !== undefined && existsSync("/proc/pressure/cpu")) {
      // A quota is waited for: nobody of it ran meanwhile.
      expect((await see("busy", (one) => (one.pressure_stats?.cpu?.some.total ?? 0) > 0)).id).toBe(stats.id);
    }
    const { precpu_stats: before, cpu_stats: now, read, preread } = await get("busy", "stream=0");
    expect(now.cpu_usage.total_usage).toBeGreaterThanOrEqual(before.cpu_usage.total_usage);
    expect(now.system_cpu_usage).toBeGreaterThan(before.system_cpu_usage as number);
    expect(Date.parse(read)).toBeGreaterThan(Date.parse(preread));
    expect(Math.abs(Date.parse(read) - Date.now())).toBeLessThan(60_000);
    await tare.must(["rm", "-f", "busy"]);
  });

  test("without a limit the machine's memory is it; a container that does not run has no figures", async () => {
    await start("plain", "busybox", "sleep", "1000");
    const { memory_stats: memory, pids_stats: pids } = await get("plain", "stream=0&one-shot=1");
    expect(memory.limit).toBe(totalmem());
    expect(pids).toEqual({ current: 1 });
    const { limit: _, ...limitless } = await statsRow("plain");
    expect(limitless.pids).toBe("1");
    await tare.must(["kill", "plain"]);
    await tare.must(["wait", "plain"]);
    expect(await get("plain", "stream=0")).toMatchObject({
      name: "/plain",
      read: "0001-01-01T00:00:00Z",
      memory_stats: {},
      cpu_stats: { cpu_usage: { total_usage: 0 } },
    });
    expect(await tare.must(["stats", "--no-stream"])).not.toContain("plain");
    expect(await tare.must(["stats", "--no-stream", "-a", "--format", "{{.Name}} {{.MemUsage}}"])).toBe(
      "plain 0B / 0B",
    );
    await tare.must(["rm", "plain"]);
  });

  async function statsRow(name: string): Promise<{ readonly limit: string; readonly pids: string }> {
    const text = await tare.must(["stats", "--no-stream", "--format", "{{.MemUsage}}\t{{.PIDs}}", name]);
    const [usage = "", pids = ""] = text.split("\t");
    return { limit: usage.split(" / ")[1] ?? "", pids };
  }

  test("networks are the interfaces of its own namespace, without the loopback, and none of the host's", async () => {
    await start("wired", "--network", "none", "busybox", "sleep", "1000");
    const pid = await tare.must(["inspect", "-f", "{{.State.Pid}}", "wired"]);
    expect((await get("wired", "stream=0&one-shot=1")).networks).toBeUndefined();
    const inside = (...argv: readonly string[]): void => {
      const { status, stderr } = spawnSync("nsenter", ["-t", pid, "-n", "ip", ...argv], { encoding: "utf8" });
      expect([status, stderr]).toEqual([0, ""]);
    };
    inside("link", "add", "left", "type", "veth", "peer", "name", "right");
    for (const name of ["left", "right"]) inside("link", "set", name, "up");
    const { networks } = await get("wired", "stream=0&one-shot=1");
    expect(Object.keys(networks ?? {}).sort()).toEqual(["left", "right"]);
    expect(networks?.["left"]?.rx_errors).toBe(0);
    await start("guest", "--network", "container:wired", "busybox", "sleep", "1000");
    expect(Object.keys((await get("guest", "stream=0&one-shot=1")).networks ?? {}).sort()).toEqual([
      "left",
      "right",
    ]);
    await start("open", "--network", "host", "busybox", "sleep", "1000");
    await start("opened", "--network", "container:open", "busybox", "sleep", "1000");
    for (const name of ["open", "opened"]) {
      expect((await get(name, "stream=0&one-shot=1")).networks).toBeUndefined();
    }
    await tare.must(["rm", "-f", "wired", "guest", "open", "opened"]);
  });

  test("what a container on a bridge sends and gets is counted as its own interface counts it", async () => {
    await tare.must(["network", "create", "counted"]);
    await start("talks", "--network", "counted", "busybox", "sleep", "1000");
    const count = async (): Promise<{
      readonly rx: number;
      readonly tx: number;
      readonly packets: number;
    }> => {
      const { networks } = await get("talks", "stream=0&one-shot=1");
      expect(Object.keys(networks ?? {})).toEqual(["eth0"]);
      const { rx_bytes: rx = 0, tx_bytes: tx = 0, tx_packets: packets = 0 } = networks?.["eth0"] ?? {};
      return { rx, tx, packets };
    };
    const before = await count();
    const script =
      "ping -qc 5 -i 0.1 -s 1000 $(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p') >/dev/null; cat /sys/class/net/eth0/statistics/tx_bytes";
    const own = Number(await tare.must(["exec", "talks", "sh", "-c", script]));
    const after = await count();
    // Five of 1,042 bytes there and back; questions for the neighbour's address may come on top.
    expect(after.tx - before.tx).toBeGreaterThanOrEqual(5_210);
    expect(after.tx - before.tx).toBeLessThan(8_000);
    expect(after.rx - before.rx).toBeGreaterThanOrEqual(5_210);
    expect(after.packets - before.packets).toBeGreaterThanOrEqual(5);
    expect(Math.abs(after.tx - own)).toBeLessThan(500);
    const shown = await tare.must(["stats", "--no-stream", "--format", "{{.NetIO}}", "talks"]);
    expect(shown).toMatch(/^[\d.]+kB \/ [\d.]+kB$/);
    await tare.must(["rm", "-f", "talks"]);
    await tare.must(["system", "settle"]);
    await tare.must(["network", "rm", "counted"]);
  });

  test("the library's stream has each sample with the one before, and ends with the container or the signal", async () => {
    await start("heard", "busybox", "sleep", "1000");
    const seen: ContainerStatistics[] = [];
    for await (const one of engine.containers.stats("heard")) {
      seen.push(one);
      if (seen.length === 2) await tare.must(["rm", "-f", "heard"]);
    }
    const [first, second] = seen;
    expect(seen.length).toBe(2);
    expect(first?.previous).toBeUndefined();
    expect(second?.previous?.takenAtNs).toBe(first?.sample?.takenAtNs as bigint);
    expect(second?.sample?.memory?.usageBytes).toBeGreaterThan(0);
    await start("heard", "busybox", "sleep", "1000");
    const abort = new AbortController();
    let count = 0;
    for await (const _ of engine.containers.stats("heard", { signal: abort.signal })) {
      count++;
      abort.abort();
    }
    expect(count).toBe(1);
    await tare.must(["rm", "-f", "heard"]);
    const none = engine.containers.stats("heard")[Symbol.asyncIterator]().next();
    expect(await none.catch((thrown: unknown) => String(thrown))).toContain("heard");
  });

  test("the command draws what comes and goes, on a terminal over itself", async () => {
    await start("first", "busybox", "sleep", "1000");
    using session = new TerminalSession([executable, ...tare.globalFlags, "stats"]);
    await session.sees("first");
    await start("second", "busybox", "sleep", "1000");
    const seen = await session.sees("second");
    expect(seen).toContain("\x1b[2J\x1b[H");
    await tare.must(["rm", "-f", "second"]);
    await session.sees(
      /second[^\x07]*\x1b\[H(?:(?!second|\x1b\[H)[^])*first(?:(?!second|\x1b\[H)[^])*\x1b\[J/,
    );
    process.kill(await session.pid(), "SIGINT");
    expect(await session.finish()).toBe(130);
    await tare.must(["rm", "-f", "first"]);
  });

  test("what cannot be asked is refused", async () => {
    const ask = async (path: string): Promise<[number, string]> => {
      const reply = await rawRequest(tare.socket, requestText(`GET ${path}`));
      return [statusOf(reply), bodyOf(reply)];
    };
    expect(await ask("/v1.45/containers/nobody/stats")).toEqual([
      404,
      expect.stringContaining("No such container: nobody"),
    ]);
    await tare.must(["create", "--name", "idle", "busybox"]);
    expect(await ask("/v1.45/containers/idle/stats?stream=1&one-shot=1")).toEqual([
      400,
      expect.stringContaining("cannot have stream=true and one-shot=true"),
    ]);
    await tare.must(["rm", "idle"]);
  });
});
