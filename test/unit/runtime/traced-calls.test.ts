import { expect, test } from "bun:test";
import { decodeCallRecord } from "../../../src/runtime/traced-calls.ts";

/** `struct record_slot` of native/plan.h, not from the decoder. */
function slot(values: {
  readonly number: number;
  readonly verdict: number;
  readonly audit?: number;
  readonly count?: number;
  readonly text?: string;
  readonly coarse?: boolean;
  readonly first?: bigint;
}): Buffer {
  const bytes = Buffer.alloc(256);
  bytes.writeBigUInt64LE(values.first ?? 5n, 0);
  bytes.writeBigUInt64LE(9n, 8);
  bytes.writeUInt32LE(values.count ?? 3, 16);
  bytes.writeInt32LE(values.number, 20);
  bytes.writeUInt32LE(values.audit ?? 0xc000_003e, 24);
  bytes.writeUInt32LE(values.verdict, 28);
  bytes.writeInt32LE(4711, 32);
  bytes.writeUInt32LE(values.coarse === true ? 1 : 0, 36);
  for (let i = 0; i < 6; i++) bytes.writeBigUInt64LE(BigInt(i + 1) << 40n, 40 + 8 * i);
  bytes.write(values.text ?? "", 88);
  return bytes;
}

const unused = Buffer.alloc(256);

test("decodeCallRecord() reads what the keeper wrote, oldest first", () => {
  const overflow = Buffer.alloc(256);
  overflow.writeUInt32LE(17, 16);
  const bytes = Buffer.concat([
    overflow,
    unused,
    slot({ number: 165, verdict: 0x0005_1001, text: "/mnt", first: 7n }),
    slot({ number: 39, verdict: 0x7fff_8000, coarse: true }),
  ]);
  const { calls, unrecorded } = decodeCallRecord(bytes);
  expect(unrecorded).toBe(17);
  expect(calls).toEqual([
    {
      audit: 0xc000_003e,
      number: 39,
      found: { architecture: "SCMP_ARCH_X86_64", name: "getpid" },
      answer: "allowed",
      isCoarse: true,
      isOrdinary: true,
      args: [1n, 2n, 3n, 4n, 5n, 6n].map((each) => each << 40n),
      count: 3,
      firstNs: 5n,
      lastNs: 9n,
      pid: 4711,
    },
    {
      audit: 0xc000_003e,
      number: 165,
      found: { architecture: "SCMP_ARCH_X86_64", name: "mount" },
      answer: { errno: 1 },
      isCoarse: false,
      isOrdinary: false,
      args: [1n, 2n, 3n, 4n, 5n, 6n].map((each) => each << 40n),
      text: "/mnt",
      count: 3,
      firstNs: 7n,
      lastNs: 9n,
      pid: 4711,
    },
  ]);
});

test("decodeCallRecord() leaves out what is torn or not ours", () => {
  expect(decodeCallRecord(Buffer.alloc(0))).toEqual({ calls: [], unrecorded: 0 });
  const bytes = Buffer.concat([
    unused,
    slot({ number: 1, verdict: 0x0005_0001, count: 0 }),
    slot({ number: 1, verdict: 0x0005_0001, audit: 0x1234 }),
    slot({ number: 0x1000_0000, verdict: 0x0005_0026 }),
    slot({ number: 2, verdict: 0x0005_0001 }).subarray(0, 100),
  ]);
  const { calls } = decodeCallRecord(bytes);
  expect(calls.map(({ number, found, answer }) => [number, found.name, answer])).toEqual([
    [0x1000_0000, undefined, { errno: 38 }],
  ]);
  // A text without an end reads no further than its own room.
  const long = slot({ number: 165, verdict: 0x0005_1001 });
  long.fill("y", 88, 256);
  expect(decodeCallRecord(Buffer.concat([unused, long])).calls[0]?.text).toBe("y".repeat(168));
});

test("decodeCallRecord() gives no text that a terminal would obey", () => {
  const bytes = Buffer.concat([
    unused,
    slot({ number: 165, verdict: 0x0005_1001, text: "a\u001b[2J\u202eb\n" }),
  ]);
  expect(decodeCallRecord(bytes).calls[0]?.text).toBe("a\\u{1b}[2J\\u{202e}b\\u{a}");
});
