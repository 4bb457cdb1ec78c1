import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import {
  findRfc3339,
  formatRfc3339,
  formatRfc3339Fixed,
  formatUnixTime,
  parseTimestamp,
} from "../../../src/base/timestamp.ts";

const now = Date.UTC(2026, 10, 23, 12, 0, 0);

describe("timestamp", () => {
  test.each([
    ["2026-11-23T12:00:00Z", BigInt(now) * 1_000_000n],
    ["2026-11-23T12:00:00.000000001Z", BigInt(now) * 1_000_000n + 1n],
    ["2026-11-23T14:00:00+02:00", BigInt(now) * 1_000_000n],
    ["2026-11-23T10:30:00-01:30", BigInt(now) * 1_000_000n],
    ["2026-11-23Z", BigInt(Date.UTC(2026, 10, 23)) * 1_000_000n],
    ["10m", BigInt(now - 600_000) * 1_000_000n],
    ["1700000000", 1_700_000_000n * 1_000_000_000n],
    ["1700000000.5", 1_700_000_000_500_000_000n],
    ["0", 0n],
    ["2026-11-23T12:00", BigInt(new Date(2026, 10, 23, 12).getTime()) * 1_000_000n],
    ["2026-11-23", BigInt(new Date(2026, 10, 23).getTime()) * 1_000_000n],
  ])("parseTimestamp() reads %p", (text, ns) => expect(parseTimestamp(text, now)).toBe(ns));

  test.each(["", "yesterday", "2026-13-01", "2026-02-30", "2026-11-23T25:00", "12:00", "1e9", "2026-1-1"])(
    "parseTimestamp() refuses %p",
    (text) => expect(() => parseTimestamp(text, now)).toThrow(Failure),
  );

  test("formatRfc3339() cuts trailing zeros as Go does", () => {
    expect(formatRfc3339(1_700_000_000_500_000_000n)).toBe("2023-11-14T22:13:20.5Z");
    expect(formatRfc3339(1_700_000_000_000_000_000n)).toBe("2023-11-14T22:13:20Z");
    expect(formatRfc3339Fixed(1_700_000_000_500_000_000n)).toBe("2023-11-14T22:13:20.500000000Z");
    expect(formatRfc3339(-1n)).toBe("1969-12-31T23:59:59.999999999Z");
  });

  test("formatRfc3339() and formatUnixTime() are read back as the same moment", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 19n }), (ns) => {
        expect(findRfc3339(formatRfc3339(ns))).toBe(ns);
        expect(parseTimestamp(formatUnixTime(ns))).toBe(ns);
      }),
    );
  });
});
