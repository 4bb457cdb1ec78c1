import { describe, expect, test } from "bun:test";
import {
  findDuration,
  formatDuration,
  formatHumanDuration,
  parseDuration,
} from "../../../src/base/duration.ts";
import { Failure } from "../../../src/base/failure.ts";

const minute = 60_000;
const hour = 60 * minute;

describe("duration", () => {
  test.each([
    ["1m30s", 90_000],
    ["-1.5h", -1.5 * hour],
    ["300ms", 300],
    ["1us", 0.001],
    ["1µs", 0.001],
    ["0", 0],
    ["+5s", 5000],
    [".5s", 500],
    ["1h1m1s1ms", hour + minute + 1001],
  ])("parseDuration() reads %p", (text, ms) => expect(parseDuration(text)).toBeCloseTo(ms, 9));

  test.each(["", "5", "s", "1x", "1m 30s", "1s!", "--1s", "1d"])("parseDuration() refuses %p", (text) => {
    expect(findDuration(text)).toBeUndefined();
    expect(() => parseDuration(text)).toThrow(Failure);
  });

  test.each([
    [0, "0s"],
    [90_000, "1m30s"],
    [1500, "1.5s"],
    [250, "250ms"],
    [hour, "1h0m0s"],
    [-1500, "-1.5s"],
    [0.5, "500µs"],
    [0.00001, "10ns"],
  ])("formatDuration() prints %p", (ms, text) => expect(formatDuration(ms)).toBe(text));

  test.each([
    [-5, "Less than a second"],
    [999, "Less than a second"],
    [1000, "1 second"],
    [59_999, "59 seconds"],
    [minute, "About a minute"],
    [2 * minute, "2 minutes"],
    [hour, "About an hour"],
    [1.5 * hour, "2 hours"],
    [47 * hour, "47 hours"],
    [48 * hour, "2 days"],
    [14 * 24 * hour, "2 weeks"],
    [61 * 24 * hour, "2 months"],
    [800 * 24 * hour, "2 years"],
  ])("formatHumanDuration() says %p", (ms, text) => expect(formatHumanDuration(ms)).toBe(text));
});
