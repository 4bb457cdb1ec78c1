import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { kindOf, sentenceOf } from "../../src/base/failure.ts";
import type { Engine } from "../../src/model/engine.ts";
import { connectTo } from "../../src/library/connected-engine.ts";
import { expectNothingLeft } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot, waitUntilEmpty } from "../support/tare.ts";

describe.skipIf(!isRoot)("a daemon", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  function daemon(): number {
    const pid = tare.daemonPid();
    if (pid === undefined) throw new Error("no daemon is running");
    return pid;
  }

  /** The soft limit of open files. */
  function limit(pid: number, files: number): void {
    const { status, stderr } = spawnSync("prlimit", ["--pid", String(pid), `--nofile=${files}:`], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
  }

  const hardLimit = (pid: number): number =>
    Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1]);

  const openIn = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

  /** One run and one exec; what fails is one sentence. Gives them. */
  async function life(engine: Engine, name: string): Promise<readonly string[]> {
    const said: string[] = [];
    const attempt = async (work: () => Promise<unknown>): Promise<boolean> => {
      try {
        await work();
        return true;
      } catch (thrown) {
        if (kindOf(thrown) !== "not-found") said.push(`${kindOf(thrown)}: ${sentenceOf(thrown)}`);
        return false;
      }
    };
    const { containers } = engine;
    await attempt(() =>
      containers.create({ image: "busybox", name, process: { command: ["sleep", "1000"] } }),
    );
    const runs = await attempt(() => containers.start(name));
    if (runs) {
      await attempt(async () => {
        const exec = await containers.createExec(name, { command: ["true"] });
        await containers.startExec(exec, { detach: true });
        await containers.waitExec(exec);
      });
    }
    return said;
  }

  test("without free descriptors says so, leaves nothing and works again", async () => {
    await tare.must(["run", "--rm", "busybox", "true"]);
    await using engine = await connectTo(`unix://${tare.socket}`);
    await engine.containers.list(); // the connection is open now
    const pid = daemon();
    const said = new Set<string>();
    for (let free = 1; free <= 40; free += 3) {
      // The limit is of the highest number: a new descriptor gets the lowest that is free.
      limit(pid, openIn(pid) + free);
      for (const sentence of await life(engine, `with-${free}`)) said.add(sentence);
      limit(pid, hardLimit(pid));
      await engine.containers.remove(`with-${free}`, { force: true }).catch(() => undefined);
      await expectNothingLeft({ tare, engine });
    }
    expect(said.size).toBeGreaterThan(3);
    for (const sentence of said) expect(sentence).toMatch(/^exhausted: cannot .*EMFILE/);
    expect(daemon()).toBe(pid);
    expect(await life(engine, "with-all")).toEqual([]);
    await engine.containers.remove("with-all", { force: true });
  });

  test("without free descriptors a restart policy tries again, until there are some", async () => {
    await tare.must(["run", "-d", "--name", "again", "--restart", "always", "busybox", "sleep", "1000"]);
    await using engine = await connectTo(`unix://${tare.socket}`);
    const { state } = await engine.containers.inspect("again");
    if (state.status !== "running") throw new Error(`it is ${state.status}`);
    const pid = daemon();
    limit(pid, openIn(pid) + 2);
    process.kill(state.pid, "SIGKILL");
    const waiting = await poll(
      async () => {
        const { state: found } = await engine.containers.inspect("again");
        return found.status === "restarting" && found.error !== undefined ? found : undefined;
      },
      { everyMs: 50, timeoutMs: 30_000, what: "see a restart fail" },
    ).finally(() => limit(pid, hardLimit(pid)));
    expect(waiting.error).toMatch(/^cannot .*EMFILE/);
    await poll(
      async () => (await engine.containers.inspect("again")).state.status === "running" || undefined,
      { everyMs: 50, timeoutMs: 60_000, what: "see it run again" },
    );
    await tare.must(["rm", "-f", "again"]);
  });

  test("without free processes says so, leaves nothing and works again", async () => {
    await tare.must(["run", "-d", "--name", "there", "busybox", "sleep", "1000"]);
    const [own = ""] = tare.cgroups().filter((path) => existsSync(join(path, "pids.max")));
    const engines = dirname(own);
    // A daemon outside of the topmost cgroup: its keepers get one of their own, below the engine's.
    const daemons = `${dirname(engines)}/tare-test-${process.pid}`;
    mkdirSync(daemons);
    await tare.must(["daemon", "stop"]);
    const start = [executable, ...tare.globalFlags, "version"].join(" ");
    execFileSync("sh", ["-c", `echo $$ > ${daemons}/cgroup.procs; ${start}`], { stdio: "ignore" });
    const said: string[] = [];
    {
      await using engine = await connectTo(`unix://${tare.socket}`);
      await life(engine, "before");
      for (const cgroup of [engines, daemons]) {
        for (let free = 0; free < 3; free++) {
          const current = Number(readFileSync(join(cgroup, "pids.current"), "utf8"));
          writeFileSync(join(cgroup, "pids.max"), String(current + free));
          said.push(...(await life(engine, `with-${free}`)));
          writeFileSync(join(cgroup, "pids.max"), "max");
          await engine.containers.remove(`with-${free}`, { force: true });
          await expectNothingLeft({ tare, engine });
        }
      }
      for (const sentence of said) expect(sentence).toMatch(/^\w+: cannot .*EAGAIN/);
      expect(said.length).toBeGreaterThan(2);
      expect(await life(engine, "with-all")).toEqual([]);
    }
    await tare.must(["rm", "-f", "with-all", "before", "there"]);
    await tare.must(["daemon", "stop"]);
    await poll(() => (spawnSync("rmdir", [daemons]).status === 0 ? true : undefined), {
      timeoutMs: 5_000,
      what: "remove the daemon's cgroup",
    });
  });

  test("has as many descriptors open, and threads, after 60 runs and execs as after some", async () => {
    await tare.must(["version"]);
    await using engine = await connectTo(`unix://${tare.socket}`);
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        expect(await life(engine, "round")).toEqual([]);
        await engine.containers.remove("round", { force: true });
      }
      await engine.settle();
      expect(await waitUntilEmpty(() => tare.cgroups())).toEqual([]);
    };
    await rounds(5);
    const pid = daemon();
    const before = openIn(pid);
    const threads = (): number => readdirSync(`/proc/${pid}/task`).length;
    const threadsBefore = threads();
    await rounds(60);
    // What is just being closed gets a moment.
    await poll(() => (openIn(pid) <= before ? true : undefined), {
      timeoutMs: 5_000,
      what: `see no more than ${before} descriptors open`,
    });
    expect(threads()).toBeLessThanOrEqual(threadsBefore + 4);
    expect(daemon()).toBe(pid);
  });
});
