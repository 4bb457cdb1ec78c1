import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import { DetachFilter, parseDetachKeys } from "../../../src/cli/terminal/detach-keys.ts";

describe("parseDetachKeys()", () => {
  test.each([
    ["ctrl-p,ctrl-q", [16, 17]],
    ["ctrl-a", [1]],
    ["ctrl-Z,x", [26, 120]],
    ["ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [0, 27, 28, 29, 30, 31]],
    ["a,B,!", [97, 66, 33]],
  ])("reads %p", (text, keys) => expect([...parseDetachKeys(text)]).toEqual(keys));

  test.each(["", ",", "ctrl-", "ctrl-1", "ab", "ctrl-p,", "shift-a", "é", " "])("refuses %p", (text) =>
    expect(() => parseDetachKeys(text)).toThrow(Failure),
  );
});

function feed(
  keys: string,
  pieces: readonly string[],
): { readonly passed: string; readonly isDetached: boolean } {
  const filter = new DetachFilter(Uint8Array.from(Buffer.from(keys)));
  let passed = "";
  for (const piece of pieces) {
    const { bytes, isDetached } = filter.push(Buffer.from(piece));
    passed += Buffer.from(bytes).toString();
    if (isDetached) return { passed, isDetached };
  }
  return { passed, isDetached: false };
}

describe("DetachFilter", () => {
  test.each<[string, readonly string[], string, boolean]>([
    ["\x10\x11", ["\x10\x11"], "", true],
    ["\x10\x11", ["ab\x10", "\x11cd"], "ab", true],
    ["\x10\x11", ["a\x10b"], "a\x10b", false],
    ["\x10\x11", ["\x10\x10\x11"], "\x10", true],
    ["\x10\x11", ["a\x10"], "a", false], // held back: it may go on
    ["aab", ["aaab"], "a", true],
    ["aab", ["a", "a", "c"], "aac", false],
    ["abac", ["ababac"], "ab", true],
    ["a", ["xa"], "x", true],
  ])("with keys %p given %p passes %p (detached: %p)", (keys, pieces, passed, isDetached) => {
    expect(feed(keys, pieces)).toEqual({ passed, isDetached });
  });

  test("passes on all but a beginning of the keys, and detaches exactly where they first appear", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
    const keyTexts = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(keyTexts, fc.array(letters, { maxLength: 6 }), (keys, pieces) => {
        const typed = pieces.join("");
        const at = typed.indexOf(keys);
        const { passed, isDetached } = feed(keys, pieces);
        expect(isDetached).toBe(at !== -1);
        if (at !== -1) expect(passed).toBe(typed.slice(0, at));
        else {
          expect(typed.startsWith(passed)).toBe(true);
          expect(keys.startsWith(typed.slice(passed.length))).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
