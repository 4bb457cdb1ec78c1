import { expect, test } from "bun:test";
import { oneByOne, type Size } from "../../../src/cli/container/run/follow.ts";

const size = (rows: number): Size => ({ rows, columns: 80 });

test("oneByOne() has sizes set in their order, however long each takes, and after one that failed", async () => {
  const asked: number[] = [];
  const set: number[] = [];
  const answers = new Map<number, PromiseWithResolvers<void>>();
  const resize = oneByOne(async ({ rows }) => {
    asked.push(rows);
    const answer = Promise.withResolvers<void>();
    answers.set(rows, answer);
    await answer.promise;
    set.push(rows);
  });
  const calls = [resize(size(1)), resize(size(2)), resize(size(3))];
  await Bun.sleep(1);
  expect(asked).toEqual([1]);
  answers.get(1)?.resolve();
  await calls[0];
  await Bun.sleep(1);
  expect(asked).toEqual([1, 2]);
  answers.get(2)?.reject(new Error("it has ended"));
  await expect(calls[1]).rejects.toThrow("it has ended");
  await Bun.sleep(1);
  answers.get(3)?.resolve();
  await calls[2];
  expect(set).toEqual([1, 3]);
});
