import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileLinearPattern } from "../../../src/base/linear-pattern.ts";

describe("compileLinearPattern()", () => {
  test.each([
    ["", "anything", true],
    ["mount", "cached mount /a", true],
    ["^mount", "cached mount /a", false],
    ["/a$", "cached mount /a", true],
    ["^(?:local|mount) .*from$", "mount /x from", true],
    ["RUN (make|go build){2,3}$", "RUN makego build", true],
    ["RUN (make|go build){2,3}$", "RUN make", false],
    ["a{2}b", "ab", false],
    ["[^a-c]d\\d+\\.", "xd12.", true],
    ["[]a]", "]", true],
    ["\\Wx", "ax", false],
    ["(a*)*b", "aaaac", false],
    ["x{,2}", "x{,2}", true],
  ])("%j finds %j: %p", (pattern, text, is) => {
    expect(compileLinearPattern(pattern)(text)).toBe(is);
  });

  test.each([
    ["(a", "missing closing )"],
    ["a)", "unexpected )"],
    ["*", "missing argument to repetition operator: *"],
    ["[a", "it ends too early"],
    ["\\", "it ends too early"],
    ["[b-a]", "invalid character class range: b-a"],
    ["a{3,2}", "invalid repeat count {3,2}"],
    ["\\1", "invalid escape sequence: \\1"],
    ["(?=a)", "unsupported (?"],
    ["((a{99}){99}){99}", "it is too large"],
  ])("refuses %j: %s", (pattern, why) => {
    expect(() => compileLinearPattern(pattern)).toThrow(why);
  });

  test("finds what a backtracking matcher finds", () => {
    const { atom } = fc.letrec<{ readonly atom: string; readonly some: string }>((tie) => ({
      atom: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom("a", "b", ".", "[ab]", "[^a]"),
        fc
          .tuple(tie("some"), fc.constantFrom("", "*", "+", "?", "{1,2}"))
          .map(([one, many]) => `(?:${one})${many}`),
      ),
      some: fc.oneof(
        { maxDepth: 3 },
        fc.array(tie("atom"), { maxLength: 3 }).map((all) => all.join("")),
        fc.tuple(tie("atom"), tie("atom")).map(([one, other]) => `${one}|${other}`),
      ),
    }));
    const pattern = fc
      .tuple(fc.constantFrom("", "^"), atom, fc.constantFrom("", "$"))
      .map((all) => all.join(""));
    fc.assert(
      fc.property(pattern, fc.stringMatching(/^[abc]{0,6}$/), (source, text) => {
        expect(compileLinearPattern(source)(text)).toBe(new RegExp(source).test(text));
      }),
      { numRuns: 2000 },
    );
  });
});
