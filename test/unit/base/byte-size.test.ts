import { describe, expect, test } from "bun:test";
import {
  formatBinaryByteSize,
  formatByteSize,
  parseByteSize,
  parseDecimalByteSize,
} from "../../../src/base/byte-size.ts";
import { Failure } from "../../../src/base/failure.ts";

describe("byte-size", () => {
  test.each([
    ["0", 0],
    ["1024", 1024],
    ["512m", 512 * 1024 ** 2],
    ["512M", 512 * 1024 ** 2],
    ["1.5g", 1.5 * 1024 ** 3],
    ["64KiB", 65_536],
    ["64 kb", 65_536],
    ["1b", 1],
    ["2t", 2 * 1024 ** 4],
    ["0.1k", 102],
  ])("parseByteSize() reads %p", (text, bytes) => expect(parseByteSize(text)).toBe(bytes));

  test("parseDecimalByteSize() counts in thousands", () => expect(parseDecimalByteSize("1.5k")).toBe(1500));

  test.each(["", "-1", "1x", "k", "1kk", "1 kib x", "1e3", "0x10", "99999999p", "1.2.3", "bi", "1ib"])(
    "parseByteSize() refuses %p",
    (text) => expect(() => parseByteSize(text)).toThrow(Failure),
  );

  test.each([
    [0, "0B"],
    [999, "999B"],
    [1000, "1kB"],
    [4_261_550, "4.262MB"],
    [999_999, "1MB"],
    [2 ** 40, "1.1TB"],
  ])("formatByteSize() prints %p", (bytes, text) => expect(formatByteSize(bytes)).toBe(text));

  test("formatByteSize() keeps three digits when asked", () => {
    expect(formatByteSize(4_261_550, 3)).toBe("4.26MB");
    expect(formatByteSize(123_456_789, 3)).toBe("123MB");
  });

  test.each([
    [1023, "1023B"],
    [1024, "1KiB"],
    [2_087_383_040, "1.944GiB"],
  ])("formatBinaryByteSize() prints %p", (bytes, text) => expect(formatBinaryByteSize(bytes)).toBe(text));
});
