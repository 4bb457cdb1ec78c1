/** What the keeper answers to a call that it is handed, whatever program it is given to judge it by. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { encodeInstructions, type Instruction } from "../../src/linux/seccomp/internal/instruction.ts";
import { encodePlan } from "../../src/runtime/plan/encode.ts";
import { tracedPlan, RawKeeper } from "../support/raw-keeper.ts";
import { Scratch } from "../support/scratch.ts";

const scratch = new Scratch("keeper-seccomp");
beforeAll(() => {
  execFileSync("make", ["-s", "-C", join(import.meta.dirname, "../../native")]);
});
afterAll(() => scratch[Symbol.dispose]());

const op = (code: number, k: number, jt = 0, jf = 0): Instruction => ({ code, jt, jf, k });
const load = 0x20;
const jump = 0x05;
const ifEqual = 0x15;
const ifGreater = 0x25;
const ifAtLeast = 0x35;
const and = 0x54;
const give = 0x06;
const allow = op(give, 0x7fff_0000);
const errno = (number: number): Instruction => op(give, 0x0005_0000 + number);

/** The three calls have 0, 1 and 2 as their first arguments. */
async function answers(program: readonly Instruction[]): Promise<readonly bigint[]> {
  await using keeper = new RawKeeper(scratch);
  const { reader } = await keeper.send(encodePlan(tracedPlan(encodeInstructions(program))));
  const { payload } = await keeper.next(reader, "failed");
  // The last op is the one that fails on purpose; before it the three calls.
  return [4, 3, 2].map((back) => payload.readBigInt64LE(payload.length - 8 * back));
}

test.each([
  ["an error of the profile", [errno(13)], -13n],
  ["the greatest error", [errno(4095)], -4095n],
  ["the bits of the record are no part of the error", [errno(0x9001)], -1n],
  ["no error: the call counts as made", [errno(0)], 0n],
  ["to kill", [op(give, 0x8000_0000)], -1n],
  ["to trap", [op(give, 0x0003_0000)], -1n],
  ["to log", [op(give, 0x7ffc_0000)], -1n],
  ["an action that no kernel has", [op(give, 0x1234_0000)], -1n],
  ["no program", [], -1n],
  ["an end without an answer", [op(load, 0)], -1n],
  ["a word that is not the call's", [op(load, 61), allow], -1n],
  ["a word far away", [op(load, 0xffff_fff0), allow], -1n],
  ["a jump out of it", [op(jump, 0xffff_ffff), allow], -1n],
  ["a code that is not ours", [op(0x61, 0), allow], -1n],
])("an answer is refused or its error: %s", async (_, program, answer) => {
  expect(await answers(program)).toEqual([answer, answer, answer]);
});

test("a call goes on only when the program allows it", async () => {
  const made = await answers([allow]);
  for (const result of made) expect(result).toBeGreaterThan(0n);
});

test("a program decides by the call's arguments", async () => {
  const first = op(load, 16);
  expect((await answers([first, op(ifEqual, 1, 0, 1), allow, errno(5)])).map((each) => each > 0n)).toEqual([
    false,
    true,
    false,
  ]);
  expect(await answers([first, op(ifGreater, 0, 0, 1), errno(7), errno(8)])).toEqual([-8n, -7n, -7n]);
  expect(await answers([first, op(ifAtLeast, 2, 0, 1), errno(7), errno(8)])).toEqual([-8n, -8n, -7n]);
  expect(await answers([first, op(and, 1), op(ifEqual, 1, 0, 1), errno(7), errno(8)])).toEqual([
    -8n,
    -7n,
    -8n,
  ]);
  expect(await answers([op(jump, 1), errno(7), errno(8)])).toEqual([-8n, -8n, -8n]);
});

test("a program that does not lie in the plan is refused", async () => {
  const plan = encodePlan(tracedPlan(encodeInstructions([allow])));
  const blobBytes = Buffer.from(plan).readUInt32LE(24);
  for (const [at, bytes] of [
    [blobBytes, 8],
    [0, blobBytes + 8],
    [0xffff_fff0, 8],
    [0, 12],
  ] as const) {
    await using keeper = new RawKeeper(scratch);
    const changed = Buffer.from(plan);
    changed.writeUInt32LE(at, 76);
    changed.writeUInt32LE(bytes, 112);
    const { reader } = await keeper.send(changed);
    await keeper.next(reader, "refused");
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
  }
});
