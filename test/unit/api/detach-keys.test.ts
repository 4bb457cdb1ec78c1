import { describe, expect, test } from "bun:test";
import { DetachScanner, parseDetachKeys } from "../../../src/api/detach-keys.ts";

test.each([
  [undefined, [16, 17]],
  ["", [16, 17]],
  ["ctrl-p,ctrl-q", [16, 17]],
  ["ctrl-A,b", [1, 98]],
  ["ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [0, 27, 28, 29, 30, 31]],
] as const)("parseDetachKeys(%j)", (text, keys) => {
  expect([...parseDetachKeys(text)]).toEqual([...keys]);
});

test.each(["ctrl-", "ctrl-1", "ctrl-p,", "ab", "é", "shift-a"])("parseDetachKeys(%j) is refused", (text) => {
  expect(() => parseDetachKeys(text)).toThrow("cannot read detach keys");
});

describe("DetachScanner", () => {
  const scan = (keys: string, ...pieces: readonly string[]) => {
    const scanner = new DetachScanner(Buffer.from(keys));
    let text = "";
    for (const piece of pieces) {
      const { pass, isDetached } = scanner.push(Buffer.from(piece));
      text += Buffer.from(pass).toString();
      if (isDetached) return `${text}|`;
    }
    return text + Buffer.from(scanner.flush()).toString();
  };

  test.each([
    [["abc"], "abc"],
    [["pq"], "|"],
    [["apqb"], "a|"],
    [["p", "q"], "|"],
    [["p", "x"], "px"],
    [["pp", "q"], "p|"],
    [["ap"], "ap"],
    [["p", "p", "p"], "ppp"],
  ] as const)("it finds pq in %j: %j", (pieces, outcome) => {
    expect(scan("pq", ...pieces)).toBe(outcome);
  });
});
