import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { SpareDirectory } from "../../src/storage/disk/spare-directory.ts";

async function inDirectory(work: (path: string, place: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "tare-spare-"));
  try {
    mkdirSync(join(path, "spares"));
    await work(path, join(path, "spares"));
  } finally {
    rmSync(path, { recursive: true });
  }
}

async function untilOneIsReady(place: string): Promise<void> {
  for (let tries = 0; readdirSync(place).length === 0; tries++) {
    if (tries === 1000) throw new Error("none was made ahead");
    await sleep(1);
  }
  await sleep(5); // it is furnished by then
}

const furnish = (path: string): void => writeFileSync(join(path, "lock"), "");

describe("SpareDirectory", () => {
  test("take() has none at first, then one that is furnished and nobody else's", () =>
    inDirectory(async (path, place) => {
      await using spare = new SpareDirectory(place, furnish);
      expect(spare.take(join(path, "first"))).toBe(false);
      for (const name of ["second", "third"]) {
        await untilOneIsReady(place);
        expect(spare.take(join(path, name))).toBe(true);
        expect(spare.take(join(path, `${name}-at-once`))).toBe(false);
        expect(readdirSync(join(path, name))).toEqual(["lock"]);
        expect(statSync(join(path, name)).mode & 0o7777).toBe(0o700);
      }
      await untilOneIsReady(place);
      expect(readdirSync(place)).toHaveLength(1);
      expect(readdirSync(path).sort()).toEqual(["second", "spares", "third"]);
    }));

  test("take() has none when another one removed it, and throws where it can't be moved", () =>
    inDirectory(async (path, place) => {
      await using spare = new SpareDirectory(place, furnish);
      spare.take(join(path, "first"));
      await untilOneIsReady(place);
      renameSync(join(place, readdirSync(place)[0] as string), join(path, "gone"));
      expect(spare.take(join(path, "second"))).toBe(false);
      await untilOneIsReady(place);
      expect(() => spare.take(join(path, "gone"))).toThrow("ENOTEMPTY");
    }));

  test("what can't be furnished is not handed out, and nothing of it stays", () =>
    inDirectory(async (path, place) => {
      const tried: string[] = [];
      await using spare = new SpareDirectory(place, (at) => {
        furnish(at);
        tried.push(at);
        throw new Error("the disk is full");
      });
      for (let wanted = 1; wanted <= 2; wanted++) {
        expect(spare.take(join(path, "draft"))).toBe(false);
        for (let tries = 0; tried.length < wanted && tries < 1000; tries++) await sleep(1);
        expect(tried).toHaveLength(wanted);
        expect(readdirSync(place)).toEqual([]);
      }
    }));

  test("disposing of it leaves nothing, also while one is being made", () =>
    inDirectory(async (path, place) => {
      for (const isReady of [true, false]) {
        await using spare = new SpareDirectory(place, furnish);
        spare.take(join(path, "draft"));
        if (isReady) await untilOneIsReady(place);
        else await new Promise((resolve) => setImmediate(resolve)); // it is begun by now
        await spare[Symbol.asyncDispose]();
        await sleep(5);
        expect(readdirSync(place)).toEqual([]);
      }
    }));
});
