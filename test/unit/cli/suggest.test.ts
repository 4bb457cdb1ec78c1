import { expect, test } from "bun:test";
import { didYouMean, suggest } from "../../../src/cli/flags/suggest.ts";

test.each<[string, readonly string[], string | undefined]>([
  ["imgaes", ["image", "images", "info"], "images"],
  ["sto", ["start", "stop", "stats"], "stop"],
  ["insp", ["info", "inspect"], "inspect"],
  ["xs", ["ls", "rm"], "ls"],
  ["xy", ["ls", "rm"], undefined],
  ["frobnicate", ["ps", "run"], undefined],
  ["", ["a", "ps"], "a"],
])("suggest(%j) of %j is %j", (typed, known, expected) => {
  expect(suggest(typed, known)).toBe(expected);
});

test("didYouMean() is empty when nothing is near", () => {
  expect(didYouMean("frobnicate", ["ps"])).toBe("");
  expect(didYouMean("pss", ["ps"])).toBe('\nDid you mean "ps"?');
});
