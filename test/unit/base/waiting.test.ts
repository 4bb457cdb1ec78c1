import { describe, expect, test } from "bun:test";
import { poll, sleep, withDeadline } from "../../../src/base/deadline.ts";
import { KeyedLock } from "../../../src/base/keyed-lock.ts";

describe("deadline", () => {
  test("sleep() rejects as canceled when its signal fires", async () => {
    const abort = new AbortController();
    const sleeping = sleep(60_000, { signal: abort.signal });
    abort.abort();
    await expect(sleeping).rejects.toMatchObject({ kind: "canceled" });
    await expect(sleep(1, { signal: abort.signal })).rejects.toMatchObject({ kind: "canceled" });
  });

  test("withDeadline() fails with the sentence and fires the inner signal when time is up", async () => {
    let inner: AbortSignal | undefined;
    const work = withDeadline(10, "start web", (signal) => {
      inner = signal;
      return new Promise(() => {});
    });
    await expect(work).rejects.toMatchObject({ kind: "deadline", message: "cannot start web within 0.01 s" });
    expect(inner?.aborted).toBe(true);
  });

  test("withDeadline() gives the result when it is in time", async () => {
    expect(await withDeadline(1000, "add", async () => 3)).toBe(3);
  });

  test("poll() calls until there is something", async () => {
    let calls = 0;
    const found = await poll(() => (++calls === 3 ? "yes" : undefined), {
      everyMs: 1,
      timeoutMs: 1000,
      what: "find",
    });
    expect([found, calls]).toEqual(["yes", 3]);
    await expect(poll(() => undefined, { everyMs: 1, timeoutMs: 10, what: "find it" })).rejects.toMatchObject(
      {
        kind: "deadline",
      },
    );
  });
});

describe("KeyedLock", () => {
  test("acquire() lets one in at a time, in order of arrival", async () => {
    const lock = new KeyedLock();
    const order: number[] = [];
    let inside = 0;
    await Promise.all(
      [1, 2, 3, 4].map(async (number) => {
        using _ = await lock.acquire("a");
        expect(++inside).toBe(1);
        await sleep(1);
        order.push(number);
        inside--;
      }),
    );
    expect(order).toEqual([1, 2, 3, 4]);
    expect(lock.isHeld("a")).toBe(false);
  });

  test("acquire() does not wait for another key", async () => {
    const lock = new KeyedLock();
    using _a = await lock.acquire("a");
    using _b = await lock.acquire("b");
    expect(lock.find("a")).toBeUndefined();
  });

  test("acquire() leaves the line when its signal fires", async () => {
    const lock = new KeyedLock();
    const held = await lock.acquire("a");
    const abort = new AbortController();
    const second = lock.acquire("a", { signal: abort.signal });
    const third = lock.acquire("a");
    abort.abort();
    await expect(second).rejects.toMatchObject({ kind: "canceled" });
    held[Symbol.dispose]();
    held[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    expect(lock.isHeld("a")).toBe(false);
  });

  test("run() gives the key back when the work fails", async () => {
    const lock = new KeyedLock();
    await expect(lock.run("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(lock.isHeld("a")).toBe(false);
  });
});
