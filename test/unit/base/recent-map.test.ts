import { expect, test } from "bun:test";
import { RecentMap } from "../../../src/base/recent-map.ts";

test("get() makes a value once and forgets the one that was asked for the longest time ago", () => {
  const map = new RecentMap<string, string>(2);
  const made: string[] = [];
  const get = (key: string): string =>
    map.get(key, () => {
      made.push(key);
      return key.toUpperCase();
    });
  expect([get("a"), get("b"), get("a"), get("c"), get("a"), get("b")]).toEqual([
    "A",
    "B",
    "A",
    "C",
    "A",
    "B",
  ]);
  expect(made).toEqual(["a", "b", "c", "b"]);
  expect(map.size).toBe(2);
});

test("get() keeps nothing when making fails", () => {
  const map = new RecentMap<string, number>(2);
  expect(() =>
    map.get("a", () => {
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(map.size).toBe(0);
  expect(map.get("a", () => 1)).toBe(1);
});
