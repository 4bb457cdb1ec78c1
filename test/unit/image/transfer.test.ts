import { expect, test } from "bun:test";
import { Transfer } from "../../../src/image/transfer.ts";
import { digestOf } from "../../../src/spec/digest.ts";

const one = { digest: digestOf("one"), size: 10_000_000 };
const other = { digest: digestOf("other"), size: 2_000_000 };

test.each<[wanted: string, moved: readonly (readonly [typeof one, number])[]]>([
  [
    "Fetched 12MB of 12MB",
    [
      [one, 10_000_000],
      [other, 2_000_000],
    ],
  ],
  ["Fetched 0B of 12MB: the rest was there", []],
  [
    "Fetched 3MB of 12MB: the rest was there",
    [
      [one, 1_000_000],
      [one, 2_000_000],
    ],
  ],
  [
    "Fetched 13MB of 12MB: 1MB of it a second time",
    [
      [one, 11_000_000],
      [other, 2_000_000],
    ],
  ],
  // What of one came twice says nothing of the other.
  ["Fetched 11MB of 12MB: 1MB of it a second time, the rest was there", [[one, 11_000_000]]],
])("Transfer.describe() gives %p", (wanted, moved) => {
  const transfer = new Transfer([one, other]);
  for (const [blob, bytes] of moved) transfer.add(blob, bytes);
  expect(transfer.describe("Fetched")).toBe(wanted);
});
