import { describe, expect, test } from "bun:test";
import { findJsonFault } from "../../../src/spec/json-fault.ts";
import { randomOf } from "../../support/random.ts";

describe("findJsonFault()", () => {
  // What json.NewDecoder(…).Decode() of Go reports.
  test.each([
    ["", "EOF"],
    [" \n\t", "EOF"],
    ["{", "unexpected EOF"],
    ['{"a', "unexpected EOF"],
    ['{"a"', "unexpected EOF"],
    ['{"a":', "unexpected EOF"],
    ["[1,", "unexpected EOF"],
    ["tru", "unexpected EOF"],
    ["-", "unexpected EOF"],
    ["{invalid json", "invalid character 'i' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["nope", "invalid character 'o' in literal null (expecting 'u')"],
    ["trie", "invalid character 'i' in literal true (expecting 'u')"],
    ["'a'", String.raw`invalid character '\'' looking for beginning of value`],
    ['"a\nb"', String.raw`invalid character '\n' in string literal`],
    [String.raw`"\x"`, "invalid character 'x' in string escape code"],
    [String.raw`"\u12g4"`, String.raw`invalid character 'g' in \u hexadecimal character escape`],
    ["-a", "invalid character 'a' in numeric literal"],
    ["[1.]", "invalid character ']' after decimal point in numeric literal"],
    ["[1e]", "invalid character ']' in exponent of numeric literal"],
    ["[01]", "invalid character '1' after array element"],
    ["\ufeff{}", "invalid character '\ufeff' looking for beginning of value"],
  ])("%j", (text, message) => {
    expect(findJsonFault(text)).toEqual({ kind: "malformed", message });
  });

  test.each(["{} trailing", "[]]", '{"a":[1,{}]} {', "1 2", "null null", '"a"b'])(
    "%j has a value and something behind it",
    (text) => {
      expect(findJsonFault(text)).toEqual({ kind: "trailing" });
    },
  );

  test("goes over any depth without a stack, and ends for any text", () => {
    expect(findJsonFault("[".repeat(1_000_000))).toEqual({ kind: "malformed", message: "unexpected EOF" });
    const random = randomOf(7);
    const letters = '{}[]",:\\ntfu0129-+.eE \n';
    for (let at = 0; at < 5000; at++) {
      const text = Array.from({ length: random(30) }, () => letters[random(letters.length)]).join("");
      let isRight = true;
      try {
        JSON.parse(text);
      } catch {
        isRight = false;
      }
      const { kind } = findJsonFault(text);
      if (isRight) expect([text, kind]).toEqual([text, "trailing"]);
    }
  });
});
