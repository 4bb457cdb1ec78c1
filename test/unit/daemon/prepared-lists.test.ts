import { describe, expect, test } from "bun:test";
import { PreparedLists } from "../../../src/daemon/prepared-lists.ts";

describe("PreparedLists", () => {
  test("gives a list again to those who ask for the same, until something has changed", () => {
    const lists = new PreparedLists(() => 0);
    lists.keep("all", 7, "[1]");
    lists.keep("some", 7, "[2]");
    expect([lists.find("all", 7), lists.find("some", 7), lists.find("other", 7)]).toEqual([
      "[1]",
      "[2]",
      undefined,
    ]);
    expect([lists.find("all", 8), lists.find("all", 7), lists.find("some", 7)]).toEqual([
      undefined,
      undefined,
      "[2]",
    ]);
  });

  test("never gives one whose changes are unknown", () => {
    const lists = new PreparedLists(() => 0);
    lists.keep("all", undefined, "[1]");
    expect(lists.find("all", undefined)).toBeUndefined();
    lists.keep("all", 1, "[1]");
    expect(lists.find("all", undefined)).toBeUndefined();
  });

  test("forgets one after a moment: its times are those of then", () => {
    let now = 1000;
    const lists = new PreparedLists(() => now);
    lists.keep("all", 1, "[1]");
    now += 249;
    expect(lists.find("all", 1)).toBe("[1]");
    now += 1;
    expect(lists.find("all", 1)).toBeUndefined();
  });

  test("keeps eight, and no long one", () => {
    const lists = new PreparedLists(() => 0);
    for (let key = 0; key < 9; key++) lists.keep(String(key), 1, `[${key}]`);
    expect(lists.find("0", 1)).toBeUndefined();
    expect(lists.find("1", 1)).toBe("[1]");
    lists.keep("1", 1, "x".repeat(512 * 1024 + 1));
    lists.keep("long", 1, "x".repeat(512 * 1024 + 1));
    expect(lists.find("long", 1)).toBeUndefined();
  });
});
