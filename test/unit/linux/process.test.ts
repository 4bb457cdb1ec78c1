import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseProcessStatistics } from "../../../src/linux/process/process.ts";

const rest = "S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654321 1 2";

describe("parseProcessStatistics()", () => {
  test.each(["sleep", "a) S 7 (b", "x y", ")", "", "(((", "a\nb"])(
    "parseProcessStatistics() reads name %p",
    (name) => {
      expect(parseProcessStatistics(`42 (${name}) ${rest}\n`)).toEqual({
        name,
        state: "S",
        parentPid: 1,
        startTime: 987654321n,
      });
    },
  );

  test("parseProcessStatistics() is not misled by any name", () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(parseProcessStatistics(`1 (${name}) ${rest}`)).toMatchObject({ name, startTime: 987654321n });
      }),
    );
  });

  test.each(["", "1 (x", "1 (x) S 1 2", `1 (x) ${rest.replace("987654321", "abc")}`])(
    "parseProcessStatistics() refuses %p",
    (text) => {
      expect(() => parseProcessStatistics(text)).toThrow(/cannot read process statistics/);
    },
  );
});
