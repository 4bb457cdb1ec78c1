import { expect, test } from "bun:test";
import { resolvePreserved } from "../../../src/engine/resolve/preserved-fds.ts";

test("resolvePreserved() gives descriptors numbers from 3 on, or those that were asked for", () => {
  expect([...resolvePreserved()]).toEqual([]);
  expect([...resolvePreserved([20, { fd: 21, as: 9 }, 22])]).toEqual([
    [3, 20],
    [9, 21],
    [5, 22],
  ]);
});

test.each([
  [[{ fd: 5, as: 2 }], "as number 2: it must be from 3 to 511"],
  [[{ fd: 5, as: 512 }], "as number 512: it must be from 3 to 511"],
  [[{ fd: 5, as: 3.5 }], "as number 3.5"],
  [[5, { fd: 6, as: 3 }], "two descriptors as number 3"],
  [[-1], "cannot pass descriptor -1: it is none"],
  [Array.from({ length: 254 }, (_, i) => i), "cannot pass 254 descriptors: at most 253"],
])("resolvePreserved() refuses %j", (fds, sentence) => {
  expect(() => resolvePreserved(fds)).toThrow(sentence);
});
