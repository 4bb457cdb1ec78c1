import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DetachScanner, parseDetachKeys } from "../../../src/api/container/detach-keys.ts";

test.each([
  [undefined, [16, 17]],
  ["a,B,!, ,DEL", [97, 66, 33, 32, 127]],
  ["", [16, 17]],
  ["ctrl-p,ctrl-q", [16, 17]],
  ["ctrl-A,b", [1, 98]],
  ["ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [0, 27, 28, 29, 30, 31]],
] as const)("parseDetachKeys(%j)", (text, keys) => {
  expect([...parseDetachKeys(text)]).toEqual([...keys]);
});

test.each(["ctrl-", ",", "del", "ctrl-1", "ctrl-p,", "ab", "é", "shift-a"])(
  "parseDetachKeys(%j) is refused",
  (text) => {
    expect(() => parseDetachKeys(text)).toThrow(/^Invalid detach keys \(.*\) provided$/);
  },
);

function scan(
  keys: string,
  pieces: readonly string[],
): { readonly passed: string; readonly held: string; readonly isDetached: boolean } {
  const scanner = new DetachScanner(Buffer.from(keys));
  let passed = "";
  for (const piece of pieces) {
    const { pass, isDetached } = scanner.push(Buffer.from(piece));
    passed += Buffer.from(pass).toString();
    if (isDetached) return { passed, held: "", isDetached };
  }
  return { passed, held: Buffer.from(scanner.flush()).toString(), isDetached: false };
}

describe("DetachScanner", () => {
  test.each([
    ["pq", ["abc"], "abc", ""],
    ["pq", ["p", "x"], "px", ""],
    ["pq", ["ap"], "a", "p"],
    ["pq", ["p", "p", "p"], "pp", "p"],
    ["aab", ["a", "a", "c"], "aac", ""],
  ])("with keys %j, %j is no end: it passes %j and holds back %j", (keys, pieces, passed, held) => {
    expect(scan(keys, pieces)).toEqual({ passed, held, isDetached: false });
  });

  test.each([
    ["pq", ["pq"], ""],
    ["pq", ["apqb"], "a"],
    ["pq", ["p", "q"], ""],
    ["pq", ["pp", "q"], "p"],
    ["aab", ["aaab"], "a"],
    ["abac", ["ababac"], "ab"],
    ["a", ["xa"], "x"],
  ])("with keys %j, %j detaches after %j", (keys, pieces, passed) => {
    expect(scan(keys, pieces)).toEqual({ passed, held: "", isDetached: true });
  });

  test("detaches exactly where the keys first appear, and loses no other byte", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
    const keyTexts = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(keyTexts, fc.array(letters, { maxLength: 6 }), (keys, pieces) => {
        const typed = pieces.join("");
        const at = typed.indexOf(keys);
        const { passed, held, isDetached } = scan(keys, pieces);
        expect(isDetached).toBe(at !== -1);
        expect(passed + held).toBe(at === -1 ? typed : typed.slice(0, at));
        expect(keys.startsWith(held)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
