import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { Failure } from "../../src/base/failure.ts";
import { listLinks } from "../../src/linux/netlink/links.ts";
import { openNetlink } from "../../src/linux/netlink/netlink-socket.ts";
import { HostNetworkSettings } from "../../src/linux/namespaces/host-network-settings.ts";
import { makeNetworkNamespace } from "../../src/linux/namespaces/network-namespace.ts";
import { findProcessStatistics } from "../../src/linux/process/process.ts";
import { readResourceLimit, setResourceLimit } from "../../src/linux/process/rlimit.ts";
import { ownNamesOf } from "../../src/network/interface-names.ts";
import { openKeeperPool } from "../../src/engine/prewarm/keepers.ts";
import { Pool } from "../../src/engine/prewarm/pool.ts";
import { PrewarmScheduler } from "../../src/engine/prewarm/scheduler.ts";
import type { PrewarmedKeeper } from "../../src/runtime/prewarmed-keeper.ts";
import { killDaemon } from "../support/fault-run.ts";
import { guardLeaks } from "../support/leaks.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { TestRuntime } from "../support/runtime.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** The process's prewarmed keepers that have no container yet. */
function prewarmedKeepersOf(parent: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && findProcessStatistics(pid)?.parentPid === parent)
    .filter((pid) => /^tare-keeper\0prewarmed +\0$/.test(argumentsOf(pid)));
}

function argumentsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

const isThere = (pid: number): boolean => !["Z", undefined].includes(findProcessStatistics(pid)?.state);

describe.skipIf(!isRoot)("a keeper that is prewarmed", () => {
  const runtime = new TestRuntime("prewarmed-keeper");
  afterAll(() => runtime[Symbol.asyncDispose]());
  const guard = (): AsyncDisposable =>
    guardLeaks({ cgroupParent: runtime.cgroupParent, directories: [runtime.runRoot] });
  const openPool = (scheduler: PrewarmScheduler): Pool<PrewarmedKeeper> => {
    const pool = openKeeperPool(scheduler, runtime);
    scheduler.hold()[Symbol.dispose]();
    return pool;
  };

  interface Taken extends Disposable {
    readonly keeper: PrewarmedKeeper;
    readonly pid: number;
  }

  /** So many, one after the other; no further one is created. */
  async function takeKeepers(count: number): Promise<readonly Taken[]> {
    await using scheduler = new PrewarmScheduler();
    const pool = openPool(scheduler);
    const taken: Taken[] = [];
    while (taken.length < count) {
      const keeper = await poll(() => pool.take(), {
        everyMs: 5,
        timeoutMs: 10_000,
        what: "take a prewarmed keeper",
      });
      const known = new Set(taken.map(({ pid }) => pid));
      const [pid] = prewarmedKeepersOf(process.pid).filter((each) => !known.has(each));
      taken.push({ keeper, pid: pid as number, [Symbol.dispose]: () => keeper[Symbol.dispose]() });
    }
    return taken;
  }
  const takeKeeper = async (): Promise<Taken> => (await takeKeepers(1))[0] as Taken;
  const ended = (pid: number): Promise<true> =>
    poll(() => (isThere(pid) ? undefined : true), { everyMs: 5, timeoutMs: 5_000, what: "see it end" });

  test("keeps a container as one that was started for it does: its name, its log, its exit", async () => {
    await using _leaks = guard();
    using taken = await takeKeeper();
    const { pid } = taken;
    const id = "ab".repeat(32);
    await using container = await runtime.start(
      ["sh", "-c", "read go; echo out; ls -l /proc/self/fd >&2; exit 3"],
      {
        prewarmedKeeper: taken.keeper,
        id,
        log: true,
        keepStdinOpen: true,
      },
    );
    expect(container.kept.keeperPid).toBe(pid);
    expect(argumentsOf(pid)).toBe(`tare-keeper\0${id}\0`);
    container.output.stream?.end("go\n");
    const { exit, stdout, stderr } = await container.finish();
    expect(exit.end).toEqual({ code: 3 });
    expect(stdout).toBe("out\n");
    // Nothing of ours is open in the program.
    expect(stderr.match(/ \d+ -> /g)).toEqual([" 0 -> ", " 1 -> ", " 2 -> "]);
    expect(readFileSync(join(container.logDirectory, "log.0"), "latin1")).toContain("out\n");
    expect(readFileSync(join(container.runDirectory, "exit"), "latin1")).toMatch(/^code 3 /);
  });

  test("gets more descriptors than one message takes", async () => {
    await using _leaks = guard();
    using taken = await takeKeeper();
    const numbers = Array.from({ length: 300 }, (_, i) => i + 10);
    const fds = numbers.map(() => openSync("/dev/null", "r"));
    const last = openSync(join(runtime.rootPath, "bin/busybox"), "r");
    try {
      const preserveFds = new Map([
        ...numbers.map((number, i) => [number, fds[i] as number] as const),
        [500, last],
      ]);
      const script = "ls /proc/self/fd | wc -l; readlink /proc/self/fd/309; head -c 4 <&500 | tail -c 3";
      const { stdout } = await runtime.run(["sh", "-c", script], {
        prewarmedKeeper: taken.keeper,
        preserveFds,
      });
      expect(stdout).toBe("305\n/dev/null\nELF");
    } finally {
      for (const fd of [...fds, last]) closeSync(fd);
    }
  });

  test("one that is taken is not in the way of the next one, which may be used before it", async () => {
    await using _leaks = guard();
    const taken = await takeKeepers(2);
    for (const { keeper, pid } of taken.toReversed()) {
      const { stdout } = await runtime.run(["echo", "kept"], { prewarmedKeeper: keeper });
      await ended(pid);
      expect(stdout).toBe("kept\n");
    }
  });

  test("a start that fails leaves nothing of it", async () => {
    await using _leaks = guard();
    using taken = await takeKeeper();
    await expect(runtime.start(["/nothing/there"], { prewarmedKeeper: taken.keeper })).rejects.toThrow(
      'cannot execute "/nothing/there"',
    );
    await ended(taken.pid);
  });

  test("a start whose keeper is killed before it has the plan says so, and leaves nothing", async () => {
    await using _leaks = guard();
    using taken = await takeKeeper();
    process.kill(taken.pid, "SIGKILL");
    await ended(taken.pid);
    await expect(runtime.start(["true"], { prewarmedKeeper: taken.keeper })).rejects.toThrow(
      "the keeper ended before the process ran",
    );
  });

  test("one that has been killed is not taken, and nor is one that was not used left", async () => {
    await using _leaks = guard();
    const taken = await takeKeeper();
    taken[Symbol.dispose]();
    await ended(taken.pid);
    await using scheduler = new PrewarmScheduler();
    const pool = openPool(scheduler);
    const next = await poll(() => prewarmedKeepersOf(process.pid)[0], {
      everyMs: 5,
      timeoutMs: 10_000,
      what: "see the next one",
    });
    process.kill(next, "SIGKILL");
    await ended(next);
    await sleep(100 * slowness); // its end is noticed
    expect(pool.take()).toBeUndefined();
  });

  test("one that was born with other limits than we have by now is not taken", async () => {
    await using _leaks = guard();
    using taken = await takeKeeper();
    expect(taken.keeper.isAlive).toBe(true);
    const present = readResourceLimit("nofile");
    setResourceLimit({ ...present, soft: present.soft - 1 });
    try {
      expect(taken.keeper.isAlive).toBe(false);
    } finally {
      setResourceLimit(present);
    }
  });
});

describe.skipIf(!isRoot)("a network namespace that is prewarmed", () => {
  const runtime = new TestRuntime("prewarmed-network");
  afterAll(() => runtime[Symbol.asyncDispose]());
  const guard = (): AsyncDisposable =>
    guardLeaks({ cgroupParent: runtime.cgroupParent, directories: [runtime.runRoot] });
  const script = "readlink /proc/self/ns/net; ip -o link; ls /sys/class/net; cat /proc/net/if_inet6";
  const inodeOf = (fd: number): string => readlinkSync(`/proc/self/fd/${fd}`);

  test("looks to a container as one that is made with it", async () => {
    await using _leaks = guard();
    using made = makeNetworkNamespace();
    const inode = inodeOf(made.fd);
    expect(inode).not.toBe(readlinkSync("/proc/self/ns/net"));
    const prewarmed = await runtime.run(["sh", "-c", script], { prewarmedNetwork: { netns: made.fd } });
    const own = await runtime.run(["sh", "-c", script]);
    expect(prewarmed.stderr).toBe("");
    expect(prewarmed.stdout).toStartWith(`${inode}\n`);
    const rest = (text: string): string => text.slice(text.indexOf("\n"));
    expect(rest(prewarmed.stdout)).toBe(rest(own.stdout));
    expect(rest(prewarmed.stdout)).toContain("LOOPBACK,UP");
  });

  test("is the container's with the interfaces that have been begun, and nothing runs before those are there", async () => {
    await using _leaks = guard();
    using made = makeNetworkNamespace();
    const order: string[] = [];
    const attached = (async () => {
      await sleep(200 * slowness);
      order.push("attached");
    })();
    const { stdout } = await runtime
      .run(["sh", "-c", script], { prewarmedNetwork: { netns: made.fd, attached } })
      .finally(() => order.push("ended"));
    expect(stdout).toStartWith(`${inodeOf(made.fd)}\n`);
    expect(order).toEqual(["attached", "ended"]);
    const failing = Promise.reject(new Failure("conflict", "no interface today"));
    failing.catch(() => {});
    const starting = runtime.start(["sleep", "1000"], {
      prewarmedNetwork: { netns: made.fd, attached: failing },
    });
    await expect(starting).rejects.toThrow("no interface today");
  });

  test("is not taken when the host's settings have changed since it was made", async () => {
    const file = "/proc/sys/net/ipv4/conf/default/secure_redirects";
    const before = readFileSync(file, "latin1").trim();
    using settings = new HostNetworkSettings();
    let made = 0;
    await using scheduler = new PrewarmScheduler();
    const networks = new Pool(scheduler, async () => {
      const network = settings.createNamespace();
      made++;
      return network;
    });
    const untilMade = async (): Promise<void> => {
      const before = made;
      scheduler.hold()[Symbol.dispose]();
      const isMade = (): true | undefined => (made > before ? true : undefined);
      await poll(isMade, { everyMs: 5, timeoutMs: 10_000, what: "see it prepared" });
    };
    await untilMade();
    {
      using unchanged = networks.take();
      expect(unchanged).toBeDefined();
    }
    await untilMade();
    try {
      writeFileSync(file, before === "1" ? "0" : "1");
      expect(networks.take()).toBeUndefined();
      await untilMade();
      using next = networks.take();
      expect(next).toBeDefined();
    } finally {
      writeFileSync(file, before);
    }
  });
});

describe.skipIf(!isRoot)("a start in a network namespace that is prewarmed", () => {
  const tare = new Installation();
  beforeAll(async () => void (await tare.must(["load", "-i", busyboxArchive()])));
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const own = ownNamesOf(tare.dataRoot);
  const pairs = (): readonly string[] => {
    using socket = openNetlink("route");
    return listLinks(socket).flatMap(({ name }) => (name.startsWith(own.vethPrefix) ? [name] : []));
  };
  const isPublished = (): boolean =>
    spawnSync("nft", ["list", "table", "inet", own.table]).stdout.toString().includes("18091");
  const interfaces = ["sh", "-c", "cat /sys/class/net/eth0/address; ip -4 -o addr show eth0; ip route"];
  const run = (command: readonly string[], env = {}): ReturnType<Installation["tare"]> =>
    tare.tare(["run", "--rm", "-p", "18091:80", "busybox", ...command], { env });
  const expectNone = async (): Promise<void> => {
    await tare.must(["system", "settle"]);
    expect(isPublished()).toBe(false);
    const none = (): true | undefined => (pairs().length === 0 ? true : undefined);
    await poll(none, { everyMs: 20, timeoutMs: 10_000, what: "see no interface left" });
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  };

  test("that fails leaves no interface, no element of the firewall and no address", async () => {
    const first = await run(interfaces);
    expect(first.stdout).toContain("default via");
    for (const command of ["/nothing/there", "/etc"]) {
      await sleep(100 * slowness); // one is prewarmed
      expect((await run([command])).status).toBeGreaterThan(125);
    }
    await expectNone();
    expect((await run(interfaces)).stdout).toBe(first.stdout);
  });

  test.each(["start.mounted", "start.cgroup", "launch.planned", "start.attached", "launch.ready"])(
    "leaves nothing when the engine is killed at %s",
    async (point) => {
      await tare.must(["system", "settle"]);
      killDaemon(tare);
      const first = await run(interfaces, { TARE_FAULT: `${point}:2` });
      expect(first.stdout).toContain("default via");
      await sleep(100 * slowness); // one is prewarmed
      expect((await run(interfaces)).status).not.toBe(0);
      await expectNone();
      expect((await run(interfaces)).stdout).toBe(first.stdout);
    },
  );
});

describe.skipIf(!isRoot)("a daemon's keeper that is prewarmed", () => {
  test("keeps what is started next, and ends with the daemon, however that ends", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["run", "-d", "--name", "first", "busybox", "sleep", "1000"]);
    const daemon = tare.daemonPid() as number;
    const prewarmed = (): Promise<number> =>
      poll(() => prewarmedKeepersOf(daemon)[0], {
        everyMs: 5,
        timeoutMs: 10_000,
        what: "see a prewarmed keeper",
      });
    const forRun = await prewarmed();
    const id = await tare.must(["run", "-d", "--name", "second", "busybox", "sleep", "1000"]);
    expect(argumentsOf(forRun)).toBe(`tare-keeper\0${id}\0`);
    const forExec = await prewarmed();
    expect(forExec).not.toBe(forRun);
    expect(await tare.must(["exec", "second", "sh", "-c", "echo $((6 * 7))"])).toBe("42");
    expect(argumentsOf(forExec)).not.toContain("prewarmed");
    const last = await prewarmed();
    process.kill(daemon, "SIGKILL");
    await poll(() => (isThere(last) ? undefined : true), {
      everyMs: 5,
      timeoutMs: 5_000,
      what: "see it end",
    });
    expect(isThere(forRun)).toBe(true);
    expect(await tare.must(["exec", "second", "echo", "still"])).toBe("still");
    const networks = await Promise.all(
      ["first", "second"].map((name) => tare.must(["exec", name, "readlink", "/proc/self/ns/net"])),
    );
    expect(new Set(networks).size).toBe(2);
    await tare.must(["rm", "-f", "first", "second"]);
  });
});
