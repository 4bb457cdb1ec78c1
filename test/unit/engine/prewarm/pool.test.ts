import { expect, test } from "bun:test";
import { sleep } from "../../../../src/base/deadline.ts";
import { Pool } from "../../../../src/engine/prewarm/pool.ts";
import { PrewarmScheduler } from "../../../../src/engine/prewarm/scheduler.ts";

class Thing implements Disposable {
  isAlive = true;
  isDisposed = false;
  [Symbol.dispose](): void {
    this.isDisposed = true;
  }
}

const use = (scheduler: PrewarmScheduler): void => scheduler.hold()[Symbol.dispose]();
const rest = 60;

test("take() finds nothing before the first use, then each entry once", async () => {
  const made: Thing[] = [];
  await using scheduler = new PrewarmScheduler();
  const pool = new Pool(scheduler, async () => made[made.push(new Thing()) - 1]);
  await sleep(rest);
  expect(made).toHaveLength(0);
  expect(pool.take()).toBeUndefined();
  await sleep(rest);
  use(scheduler);
  await sleep(rest);
  expect(made).toHaveLength(1);
  expect(pool.take()).toBe(made[0] as Thing);
  expect(pool.take()).toBeUndefined();
  await sleep(rest);
  expect(pool.take()).toBe(made[1] as Thing);
});

test("take() disposes of an entry that has died", async () => {
  const made: Thing[] = [];
  await using scheduler = new PrewarmScheduler();
  const pool = new Pool(scheduler, async () => made[made.push(new Thing()) - 1]);
  use(scheduler);
  await sleep(rest);
  (made[0] as Thing).isAlive = false;
  expect(pool.take()).toBeUndefined();
  expect(made[0]?.isDisposed).toBe(true);
  await sleep(rest);
  expect(pool.take()).toBe(made[1] as Thing);
});

test("disposing of a pool waits for a creation in progress and leaves nothing", async () => {
  const made: Thing[] = [];
  const { promise: late, resolve } = Promise.withResolvers<void>();
  await using scheduler = new PrewarmScheduler();
  const pool = new Pool(scheduler, async () => {
    await late;
    return made[made.push(new Thing()) - 1];
  });
  use(scheduler);
  await sleep(rest);
  const closing = pool[Symbol.asyncDispose]();
  resolve();
  await closing;
  expect(made.map(({ isDisposed }) => isDisposed)).toEqual([true]);
  use(scheduler);
  await sleep(rest);
  expect(made).toHaveLength(1);
  expect(pool.take()).toBeUndefined();
});
