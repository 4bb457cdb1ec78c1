import { describe, expect, test } from "bun:test";
import { encodePlan, numberOf } from "../../../src/runtime/plan/encode.ts";
import { type Plan, type PlanArgument, PlanBlob, PlanList } from "../../../src/runtime/plan/plan.ts";
import { asPlan, container, exec } from "./plans.ts";

interface DecodedOp {
  readonly number: number;
  readonly args: readonly { readonly kind: number; readonly value: bigint }[];
  readonly expected: bigint;
  readonly store: number;
  readonly storeBytes: number;
  readonly expect: number;
  readonly skip: number;
  readonly skipErrors: readonly number[];
}

/** From native/plan.h, not from the encoder. */
function decode(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const counts = { before: u32(16), child: u32(20), blob: u32(24) };
  const op = (at: number): DecodedOp => ({
    number: view.getUint16(at, true),
    args: [0, 1, 2, 3, 4, 5].map((k) => ({
      kind: view.getUint8(at + 2 + k),
      value: view.getBigInt64(at + 8 + 8 * k, true),
    })),
    expected: view.getBigInt64(at + 56, true),
    store: u32(at + 64),
    storeBytes: view.getUint8(at + 68),
    expect: view.getUint8(at + 69),
    skip: view.getUint16(at + 70, true),
    skipErrors: [0, 1, 2, 3].map((k) => view.getUint16(at + 72 + 2 * k, true)).filter((error) => error !== 0),
  });
  const ops = (at: number, count: number): DecodedOp[] =>
    Array.from({ length: count }, (_, i) => op(at + 80 * i));
  const childAt = 128 + 80 * counts.before;
  const blobAt = childAt + 80 * counts.child;
  expect(bytes.length).toBe(blobAt + counts.blob);
  return {
    magic: Buffer.from(bytes.subarray(0, 4)).toString("latin1"),
    version: u32(4),
    total: u32(8),
    flags: u32(12),
    deadlineMs: u32(28),
    cloneFlags: view.getBigUint64(32, true),
    fds: [40, 44, 48].map((at) => view.getInt32(at, true)),
    logFiles: u32(52),
    logBytes: view.getBigUint64(56, true),
    streams: [64, 68, 72].map(u32),
    kept: Array.from({ length: 8 }, (_, i) => view.getInt32(80 + 4 * i, true)),
    before: ops(128, counts.before),
    child: ops(childAt, counts.child),
    blob: Buffer.from(bytes.subarray(blobAt)),
  };
}

function expectArgument(
  argument: PlanArgument | undefined,
  decoded: DecodedOp["args"][number],
  blob: Buffer,
): void {
  const at = Number(decoded.value);
  if (argument === undefined || argument === null) expect(decoded).toEqual({ kind: 0, value: 0n });
  else if (typeof argument === "number" || typeof argument === "bigint")
    expect(decoded).toEqual({ kind: 0, value: BigInt.asIntN(64, BigInt(argument)) });
  else if (typeof argument === "string") {
    expect(decoded.kind).toBe(1);
    expect(blob.subarray(at, blob.indexOf(0, at)).toString()).toBe(argument);
  } else if (argument instanceof Uint8Array) {
    expect(decoded.kind).toBe(1);
    expect(blob.subarray(at, at + argument.length)).toEqual(Buffer.from(argument));
  } else if ("addressOf" in argument)
    expect(decoded).toEqual({ kind: 1, value: BigInt(argument.addressOf.offset) });
  else if ("load" in argument) expect(decoded).toEqual({ kind: 3, value: BigInt(argument.load.offset) });
  else expect(decoded).toEqual({ kind: 2, value: BigInt(argument.result) });
}

function expectRoundTrip(plan: Plan): void {
  const decoded = decode(encodePlan(plan));
  expect(decoded).toMatchObject({ magic: "TPLN", version: 1, cloneFlags: BigInt(plan.cloneFlags) });
  for (const name of ["before", "child"] as const) {
    const { ops } = plan[name];
    expect(decoded[name].length).toBe(ops.length);
    ops.forEach((op, i) => {
      const got = decoded[name][i] as DecodedOp;
      expect(got.number).toBe(numberOf(op.call));
      for (let k = 0; k < 6; k++) expectArgument(op.args[k], got.args[k] as never, decoded.blob);
      expect(got.store).toBe(op.store?.offset ?? 0xffffffff);
      if (op.store !== undefined) expect(got.storeBytes).toBe(op.store.bytes);
      expect(got.expect).toBe(op.expect === undefined ? 0 : op.expect === "anything" ? 2 : 1);
      if (typeof op.expect === "number") expect(got.expected).toBe(BigInt(op.expect));
      expect(got.skip).toBe(op.skip?.count ?? 0);
      expect(got.skipErrors).toEqual([...(op.skip?.errors ?? [])]);
    });
  }
}

describe("encodePlan()", () => {
  test("says what the plan says, by the words of plan.h", () => {
    expectRoundTrip(asPlan(container()));
    expectRoundTrip(
      asPlan(
        container({
          process: { terminal: true, cwd: "/deep/er", oomScoreAdj: 7 },
          planned: { announce: true },
        }),
      ),
    );
    expectRoundTrip(asPlan(exec({ process: { user: { uid: 5, gid: 6 } } })));
  });

  test("keeps numbers of all sizes", () => {
    const lists = { before: new PlanList(), child: new PlanList() };
    const numbers = [0, -1, -100, 2 ** 31, 2 ** 32 - 1, 2 ** 40 + 3, -(2 ** 40) - 3, 2n ** 63n + 5n, -7n];
    for (const number of numbers) lists.child.add("test", "close", [number, 1, number]);
    for (const expected of [0, -5, 2 ** 40]) lists.child.add("test", "close", [1], { expect: expected });
    expectRoundTrip(asPlan({ ...container(), ...lists, blob: new PlanBlob() }));
  });

  test("puts flags, descriptors and bounds into the header", () => {
    const lists = container({ input: { openStdin: true } });
    const decoded = decode(
      encodePlan(
        asPlan(lists, {
          terminal: true,
          closeStdin: true,
          dieWithCaller: true,
          cgroupFd: 11,
          exitDirectoryFd: 12,
          deadlineMs: 1234,
          keptFds: [4, 5],
          log: { directoryFd: 13, maxBytes: 2 ** 40, files: 3, rotateFirst: true },
        }),
      ),
    );
    expect(decoded).toMatchObject({
      flags: 31,
      fds: [11, 13, 12],
      deadlineMs: 1234,
      logFiles: 3,
      logBytes: 2n ** 40n,
      kept: [4, 5, -1, -1, -1, -1, -1, -1],
      streams: [
        lists.streams.stdin?.offset,
        lists.streams.stdout?.offset,
        lists.streams.stderr?.offset,
      ] as never,
    });
    const bare = decode(encodePlan(asPlan(container({ process: { terminal: true } }), { keep: false })));
    expect(bare).toMatchObject({
      flags: 0,
      fds: [-1, -1, -1],
      streams: [0xffffffff, 0xffffffff, 0xffffffff],
    });
    expect(bare.total).toBe(
      encodePlan(asPlan(container({ process: { terminal: true } }), { keep: false })).length,
    );
  });

  test("writes final addresses into argv and its like", () => {
    const blob = new PlanBlob();
    const slot = blob.textArray(["one", "two", "one"]);
    const bytes = Buffer.from(blob.encode());
    const pointers = [0, 1, 2, 3].map((i) => bytes.readBigUInt64LE(slot.offset + 8 * i));
    const textAt = (pointer: bigint | undefined): string => {
      const at = Number((pointer ?? 0n) - 0x10_0000_0000n);
      return bytes.subarray(at, bytes.indexOf(0, at)).toString();
    };
    expect(pointers.slice(0, 3).map(textAt)).toEqual(["one", "two", "one"]);
    expect(pointers[0]).toBe(pointers[2] as bigint);
    expect(pointers[3]).toBe(0n);
  });

  test("keeps text as UTF-8 and refuses a NUL in it", () => {
    const blob = new PlanBlob();
    const slot = blob.text("ü€😀");
    expect(
      Buffer.from(blob.encode())
        .subarray(slot.offset, slot.offset + 10)
        .toString(),
    ).toBe("ü€😀\0");
    expect(() => blob.text("a\0b")).toThrow("it holds a NUL");
    expect(() => encodePlan(asPlan(container({ process: { env: ["A=\0"] } })))).toThrow("NUL");
  });

  test("stores an array that several calls take once", () => {
    const blob = new PlanBlob();
    const [one, same] = [Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)];
    expect(blob.constant(one)).toEqual(blob.constant(one));
    expect(blob.constant(same).offset).not.toBe(blob.constant(one).offset);
    expect(blob.size).toBe(16);
  });

  test("grows its blob without losing what is in it", () => {
    const blob = new PlanBlob();
    const first = blob.text("first");
    const place = blob.reserve(40_000);
    const last = blob.text("ü".repeat(50_000));
    const bytes = Buffer.from(blob.encode());
    const textAt = ({ offset }: { readonly offset: number }): string =>
      bytes.subarray(offset, bytes.indexOf(0, offset)).toString();
    expect([textAt(first), textAt(last)]).toEqual(["first", "ü".repeat(50_000)]);
    expect(bytes.subarray(place.offset, place.offset + 40_000).every((byte) => byte === 0)).toBe(true);
  });

  test("refuses a plan that no keeper would take", () => {
    const big = { process: { args: ["x", "y".repeat(5 << 20)] } };
    expect(() => encodePlan(asPlan(container(big)))).toThrow(/cannot send a plan of \d+ bytes/);
    expect(() => encodePlan(asPlan(container(), { keptFds: Array.from({ length: 9 }, () => 4) }))).toThrow(
      "9 descriptors",
    );
    const child = new PlanList();
    child.add("skip much", "getpid", [], { skip: { errors: [1, 2, 3, 4, 5], count: 0 } });
    expect(() => encodePlan({ ...asPlan(container()), child })).toThrow("too many errors");
  });

  test("skips on up to four errors; the child's channel is told where it is another", () => {
    const child = new PlanList(7);
    child.add("skip much", "getpid", [], { skip: { errors: [1, 2, 3, 4], count: 5 } });
    const { flags, child: ops } = decode(encodePlan({ ...asPlan(container()), child }));
    expect([ops[0]?.skip, ops[0]?.skipErrors, flags >>> 16]).toEqual([5, [1, 2, 3, 4], 7]);
  });

  test("takes negative and unsigned 64-bit values", () => {
    const child = new PlanList();
    child.add("negative", "close", [-1, -(2n ** 63n), 2n ** 64n - 1n]);
    const [op] = decode(encodePlan({ ...asPlan(container()), child })).child;
    expect(op?.args.slice(0, 3).map(({ value }) => value)).toEqual([-1n, -(2n ** 63n), -1n]);
  });
});
