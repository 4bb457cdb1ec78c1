import { describe, expect, test } from "bun:test";
import { formatTimeOffsets, parseTimeOffsets, splitSeconds } from "../../../src/spec/time-offsets.ts";

describe("parseTimeOffsets()", () => {
  test.each([
    ["24h", { monotonicMs: 86_400_000, boottimeMs: 86_400_000 }],
    ["-1h30m", { monotonicMs: -5_400_000, boottimeMs: -5_400_000 }],
    ["monotonic=90s", { monotonicMs: 90_000 }],
    ["boottime=-1ms,monotonic=0", { boottimeMs: -1, monotonicMs: 0 }],
  ])("reads %s", (text, offsets) => {
    expect(parseTimeOffsets(text)).toEqual(offsets);
    expect(parseTimeOffsets(formatTimeOffsets(offsets))).toEqual(offsets);
  });

  test.each([
    ["", '"" is no duration'],
    ["1", '"1" is no duration'],
    ["realtime=1h", '"realtime=1h" is neither monotonic= nor boottime='],
    ["monotonic=1h,monotonic=2h", "monotonic is given twice"],
    ["monotonic=1h,", '"" is neither'],
    ["boottime=", '"" is no duration'],
    ["1300000h", "146 years at most"],
  ])("refuses %j", (text, why) => {
    expect(() => parseTimeOffsets(text)).toThrow(why);
  });
});

describe("splitSeconds()", () => {
  test.each([
    [0, 0, 0],
    [1500, 1, 500_000_000],
    [-1, -1, 999_000_000],
    [-2000, -2, 0],
    [0.001, 0, 1000],
    [86_400_000, 86_400, 0],
  ])("splits %d ms into %d s and %d ns, which are never negative", (ms, secs, nanosecs) => {
    expect(splitSeconds(ms)).toEqual({ secs, nanosecs });
  });
});
