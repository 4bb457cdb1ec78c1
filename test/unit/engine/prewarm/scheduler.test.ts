import { expect, test } from "bun:test";
import { poll, sleep } from "../../../../src/base/deadline.ts";
import { PrewarmScheduler, type Refillable } from "../../../../src/engine/prewarm/scheduler.ts";

class Tank implements Refillable {
  fills = 0;
  isFull = false;
  fails = false;
  gate: Promise<void> = Promise.resolve();

  async fill(): Promise<boolean> {
    this.fills++;
    await this.gate;
    this.isFull = !this.fails;
    return this.isFull;
  }

  drain(): void {
    this.isFull = false;
  }
}

const use = (scheduler: PrewarmScheduler): void => scheduler.hold()[Symbol.dispose]();
const rest = 60;

test("pools are filled once a moment after the last operation, not while one is in progress", async () => {
  const tank = new Tank();
  await using scheduler = new PrewarmScheduler();
  scheduler.add(tank);
  use(scheduler);
  const [first, second] = [scheduler.hold(), scheduler.hold()];
  scheduler.request();
  first[Symbol.dispose]();
  await sleep(rest);
  expect(tank.fills).toBe(0);
  second[Symbol.dispose]();
  expect(tank.fills).toBe(0);
  await sleep(rest);
  expect(tank.fills).toBe(1);
});

test("a request is not postponed by later ones", async () => {
  const tank = new Tank();
  await using scheduler = new PrewarmScheduler();
  scheduler.add(tank);
  const untilMs = performance.now() + 5_000;
  while (tank.fills === 0 && performance.now() < untilMs) {
    scheduler.request();
    await sleep(2);
  }
  expect(tank.fills).toBe(1);
});

test("a pool is filled by one creation at a time", async () => {
  const tank = new Tank();
  const { promise, resolve } = Promise.withResolvers<void>();
  tank.gate = promise;
  await using scheduler = new PrewarmScheduler();
  scheduler.add(tank);
  for (let round = 0; round < 2; round++) {
    use(scheduler);
    await sleep(rest);
  }
  expect(tank.fills).toBe(1);
  resolve();
});

test("unused entries are disposed of after the idle time, and the next operation fills the pools again", async () => {
  const tank = new Tank();
  await using scheduler = new PrewarmScheduler({ restMs: 1, idleMs: 500 });
  scheduler.add(tank);
  const until = (isFull: boolean): Promise<true> =>
    poll(() => (tank.isFull === isFull ? true : undefined), {
      everyMs: 2,
      timeoutMs: 10_000,
      what: `see it ${isFull ? "full" : "empty"}`,
    });
  for (let round = 1; round <= 2; round++) {
    use(scheduler);
    await until(true);
    await until(false);
    expect(tank.fills).toBe(round);
  }
});

test("a pool that fails is left alone for longer and longer, up to the maximum; the others are not", async () => {
  const times: number[] = [];
  const other = new Tank();
  await using scheduler = new PrewarmScheduler({ restMs: 0, backOffMs: 100, maximumBackOffMs: 300 });
  scheduler.add({
    fill: async () => times.push(performance.now()) > 5,
    drain: () => {},
  });
  scheduler.add(other);
  await poll(
    () => {
      scheduler.request();
      return times.length >= 8 ? true : undefined;
    },
    { everyMs: 2, timeoutMs: 20_000, what: "see it filled" },
  );
  const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
  for (const [index, leastMs] of [100, 200, 300, 300, 300].entries())
    expect(gaps[index]).toBeGreaterThanOrEqual(leastMs);
  expect(other.fills).toBeGreaterThan(times.length);
});

test("after its end nothing is filled, and what was filled is drained", async () => {
  const tank = new Tank();
  const scheduler = new PrewarmScheduler({ restMs: 1 });
  scheduler.add(tank);
  use(scheduler);
  await sleep(rest);
  expect(tank.isFull).toBe(true);
  await scheduler[Symbol.asyncDispose]();
  expect(tank.isFull).toBe(false);
  use(scheduler);
  scheduler.request();
  await sleep(rest);
  expect(tank.fills).toBe(1);
});

test("a scheduler that is switched off fills nothing", async () => {
  const tank = new Tank();
  await using scheduler = new PrewarmScheduler({ isEnabled: false, restMs: 1 });
  scheduler.add(tank);
  use(scheduler);
  scheduler.request();
  await sleep(rest);
  expect(tank.fills).toBe(0);
});
