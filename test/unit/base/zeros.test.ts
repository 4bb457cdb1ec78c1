import { expect, test } from "bun:test";
import { isAllZeros } from "../../../src/base/zeros.ts";

test("isAllZeros() finds a byte that is not 0 wherever it is", () => {
  expect(isAllZeros(new Uint8Array(0))).toBe(true);
  for (const length of [1, 65_536, 1 << 18, (1 << 18) + 1, 3 * (1 << 18)]) {
    const bytes = new Uint8Array(length);
    expect(isAllZeros(bytes)).toBe(true);
    for (const at of [0, length >> 1, length - 1]) {
      bytes[at] = 1;
      expect(isAllZeros(bytes)).toBe(false);
      bytes[at] = 0;
    }
  }
});
