import { expect, test } from "bun:test";
import { findJsonMistake } from "../../../src/spec/json-mistake.ts";

test.each([
  ["", "line 1, column 1: it ends too early"],
  ["{", "line 1, column 2: it ends too early"],
  ['{\n  "a": [1, 2}\n}', 'line 2, column 13: unexpected "}"'],
  ['{"a" 1}', 'line 1, column 6: unexpected "1"'],
  ["[1,]", 'line 1, column 4: unexpected "]"'],
  ['{"a":1,}', 'line 1, column 8: unexpected "}"'],
  ["{a:1}", 'line 1, column 2: unexpected "a"'],
  ["[] x", 'line 1, column 4: unexpected "x"'],
  ["[TRUE]", 'line 1, column 2: unexpected "T"'],
  ['["a\nb"]', 'line 1, column 2: unexpected "\\""'],
  ["[01]", 'line 1, column 3: unexpected "1"'],
  ["// no", 'line 1, column 1: unexpected "/"'],
])("findJsonMistake(%j) is %j", (text, mistake) => {
  expect(findJsonMistake(text)).toBe(mistake);
});

test("findJsonMistake() finds none in JSON, whatever its depth", () => {
  for (const text of ["{}", "[]", " [1, -2.5e+3, true, null, {}] ", '{"a":{"b":["\\u00e4\\n",[]]}}', '"x"'])
    expect(findJsonMistake(text)).toBeUndefined();
  const deep = `${"[".repeat(5000)}${"]".repeat(4999)}`;
  expect(findJsonMistake(deep)).toBe("line 1, column 10000: it ends too early");
});
