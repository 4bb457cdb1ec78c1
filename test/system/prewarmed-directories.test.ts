import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { DirectoryPool } from "../../src/engine/prewarm/directories.ts";
import { PrewarmScheduler } from "../../src/engine/prewarm/scheduler.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

async function inDirectory(work: (path: string, place: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "tare-prewarmed-"));
  try {
    mkdirSync(join(path, "prewarmed"));
    await work(path, join(path, "prewarmed"));
  } finally {
    rmSync(path, { recursive: true });
  }
}

async function untilOneIsReady(place: string): Promise<void> {
  for (let tries = 0; readdirSync(place).length === 0; tries++) {
    if (tries === 1000) throw new Error("none was prewarmed");
    await sleep(1);
  }
  await sleep(5); // it is furnished by then
}

const restMs = 10;

/** With a scheduler of its own; the time that a failed pool is left alone is too short to matter. */
class TestPool extends DirectoryPool {
  readonly #scheduler: PrewarmScheduler;

  constructor(parent: string, furnish: (path: string) => void) {
    const scheduler = new PrewarmScheduler({ restMs, backOffMs: 1, maximumBackOffMs: 1 });
    super(scheduler, { parent, furnish });
    this.#scheduler = scheduler;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#scheduler[Symbol.asyncDispose]();
  }
}

const furnish = (path: string): void => writeFileSync(join(path, "lock"), "");

describe("DirectoryPool", () => {
  test("take() has none at first, then one that is furnished and nobody else's", () =>
    inDirectory(async (path, place) => {
      await using pool = new TestPool(place, furnish);
      expect(pool.take(join(path, "first"))).toBe(false);
      for (const name of ["second", "third"]) {
        await untilOneIsReady(place);
        expect(pool.take(join(path, name))).toBe(true);
        expect(pool.take(join(path, `${name}-at-once`))).toBe(false);
        expect(readdirSync(join(path, name))).toEqual(["lock"]);
        expect(statSync(join(path, name)).mode & 0o7777).toBe(0o700);
      }
      await untilOneIsReady(place);
      expect(readdirSync(place)).toHaveLength(1);
      expect(readdirSync(path).sort()).toEqual(["prewarmed", "second", "third"]);
    }));

  test("take() has none when another one removed it, and throws where it can't be moved", () =>
    inDirectory(async (path, place) => {
      await using pool = new TestPool(place, furnish);
      pool.take(join(path, "first"));
      await untilOneIsReady(place);
      renameSync(join(place, readdirSync(place)[0] as string), join(path, "gone"));
      expect(pool.take(join(path, "second"))).toBe(false);
      await untilOneIsReady(place);
      expect(() => pool.take(join(path, "gone"))).toThrow("ENOTEMPTY");
    }));

  test("what can't be furnished is not handed out, and nothing of it stays", () =>
    inDirectory(async (path, place) => {
      const tried: string[] = [];
      await using pool = new TestPool(place, (at) => {
        furnish(at);
        tried.push(at);
        throw new Error("the disk is full");
      });
      for (let wanted = 1; wanted <= 2; wanted++) {
        expect(pool.take(join(path, "draft"))).toBe(false);
        for (let tries = 0; tried.length < wanted && tries < 1000; tries++) await sleep(1);
        expect(tried).toHaveLength(wanted);
        expect(readdirSync(place)).toEqual([]);
      }
    }));

  test.skipIf(!isRoot)("what can't be removed fails nobody", () =>
    inDirectory(async (path, place) => {
      const covered: string[] = [];
      const cover = (at: string): void => {
        execFileSync("mount", ["-t", "tmpfs", "none", at]);
        covered.push(at);
      };
      try {
        await using failing = new TestPool(place, (at) => {
          cover(at);
          throw new Error("the disk is full");
        });
        expect(failing.take(join(path, "first"))).toBe(false);
        for (let tries = 0; covered.length === 0 && tries < 1000; tries++) await sleep(1);
        await sleep(5);
        expect(failing.take(join(path, "second"))).toBe(false);
        await failing[Symbol.asyncDispose]();
        await using held = new TestPool(place, cover);
        held.take(join(path, "third"));
        for (let tries = 0; covered.length === 1 && tries < 1000; tries++) await sleep(1);
        await sleep(5);
        await held[Symbol.asyncDispose]();
        expect(covered).toHaveLength(2);
      } finally {
        for (const at of covered) execFileSync("umount", [at]);
      }
    }),
  );

  test("disposing of it leaves nothing, also while one is being made", () =>
    inDirectory(async (path, place) => {
      for (const wait of [
        () => untilOneIsReady(place),
        () => sleep(restMs), // it is begun by now
        () => Promise.resolve(),
      ]) {
        await using pool = new TestPool(place, furnish);
        pool.take(join(path, "draft"));
        await wait();
        await pool[Symbol.asyncDispose]();
        await sleep(2 * restMs);
        expect(readdirSync(place)).toEqual([]);
      }
    }));

  test("the next one is not created while the caller that took one still works, nor postponed by later callers", () =>
    inDirectory(async (path, place) => {
      await using pool = new TestPool(place, furnish);
      pool.take(join(path, "first"));
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(readdirSync(place)).toEqual([]);
      const begun = performance.now();
      while (performance.now() - begun < 20 * restMs && readdirSync(place).length === 0) {
        await sleep(restMs / 4);
        if (readdirSync(place).length === 0) expect(pool.take(join(path, "hasty"))).toBe(false);
      }
      await untilOneIsReady(place);
      expect(pool.take(join(path, "second"))).toBe(true);
    }));
});

describe.skipIf(!isRoot)("a container's directory that is prewarmed", () => {
  test("is the next container's, and is gone when the engine closes, or at the next open when it was killed", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const parent = join(tare.dataRoot, "prewarmed");
    const create = (): Promise<string> => tare.must(["create", "busybox", "true"]);
    const inodeOf = (path: string): number => statSync(path).ino;
    await create();
    const prewarmed = (): Promise<string> =>
      poll(() => readdirSync(parent).find((name) => existsSync(join(parent, name, "log"))), {
        everyMs: 5,
        timeoutMs: 10_000,
        what: "see a prewarmed directory",
      });
    const made = inodeOf(join(parent, await prewarmed()));
    const id = await create();
    const directory = join(tare.dataRoot, "containers", id);
    expect(inodeOf(directory)).toBe(made);
    for (const path of [directory, join(directory, "log")]) expect(statSync(path).mode & 0o7777).toBe(0o700);
    const left = await prewarmed();
    const ended = (daemon: number): Promise<true> =>
      poll(() => (isGone(daemon) ? true : undefined), {
        everyMs: 5,
        timeoutMs: 10_000 * slowness,
        what: "see it end",
      });
    const killed = tare.daemonPid() as number;
    process.kill(killed, "SIGKILL");
    await ended(killed);
    expect(readdirSync(parent)).toEqual([left]);
    await tare.must(["ps"]);
    expect(readdirSync(parent)).toEqual([]);
    expect(await tare.must(["start", "-a", id])).toBe("");
    await create();
    await prewarmed();
    const stopped = tare.daemonPid() as number;
    await tare.must(["daemon", "stop"]);
    await ended(stopped);
    expect(readdirSync(parent)).toEqual([]);
  });
});
