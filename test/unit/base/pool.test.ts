import { expect, test } from "bun:test";
import { sleep } from "../../../src/base/deadline.ts";
import { Pool } from "../../../src/base/pool.ts";

class Thing implements Disposable {
  isAlive = true;
  isDisposed = false;
  [Symbol.dispose](): void {
    this.isDisposed = true;
  }
}

const use = (ahead: Pool<Thing>): void => ahead.hold()[Symbol.dispose]();
const rest = 60;

test("nothing is made before the first use, then one at a time, each taken once", async () => {
  const made: Thing[] = [];
  await using ahead = new Pool(async () => made[made.push(new Thing()) - 1]);
  await sleep(rest);
  expect(ahead.take()).toBeUndefined();
  expect(made).toHaveLength(0);
  use(ahead);
  expect(ahead.take()).toBeUndefined();
  await sleep(rest);
  use(ahead);
  await sleep(rest);
  expect(made).toHaveLength(1);
  expect(ahead.take()).toBe(made[0] as Thing);
  expect(ahead.take()).toBeUndefined();
  use(ahead);
  await sleep(rest);
  expect(ahead.take()).toBe(made[1] as Thing);
});

test("one is made at a time, and none while somebody holds it", async () => {
  let making = 0;
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  await using ahead = new Pool(async () => {
    making++;
    await finished;
    return new Thing();
  });
  const [first, second] = [ahead.hold(), ahead.hold()];
  first[Symbol.dispose]();
  await sleep(rest);
  expect(making).toBe(0);
  second[Symbol.dispose]();
  await sleep(rest);
  expect(making).toBe(1);
  use(ahead);
  await sleep(rest);
  expect(making).toBe(1);
  finish();
  await sleep(1);
  expect(ahead.take()).toBeInstanceOf(Thing);
});

test("nothing is made while it is held", async () => {
  const made: Thing[] = [];
  await using ahead = new Pool(async () => made[made.push(new Thing()) - 1]);
  use(ahead);
  const held = ahead.hold();
  await sleep(rest);
  expect(made).toHaveLength(0);
  held[Symbol.dispose]();
  await sleep(rest);
  expect(made).toHaveLength(1);
});

test("one that has died is disposed of and not taken; a failure is nobody's; the end disposes of what is left and of what comes after it", async () => {
  const made: Thing[] = [];
  let fails = true;
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const ahead = new Pool(async () => {
    if (fails) throw new Error("none");
    const thing = new Thing();
    made.push(thing);
    if (made.length === 3) await late;
    return thing;
  });
  use(ahead);
  await sleep(rest);
  expect(ahead.take()).toBeUndefined();
  fails = false;
  use(ahead);
  await sleep(rest);
  (made[0] as Thing).isAlive = false;
  expect(ahead.take()).toBeUndefined();
  expect(made[0]?.isDisposed).toBe(true);
  use(ahead);
  await sleep(rest);
  expect(ahead.take()).toBe(made[1] as Thing);
  use(ahead);
  await sleep(rest); // the third is being made
  const closing = ahead[Symbol.asyncDispose]();
  resolve();
  await closing;
  expect(made.map(({ isDisposed }) => isDisposed)).toEqual([true, false, true]);
  use(ahead);
  await sleep(rest);
  expect(made).toHaveLength(3);
});
