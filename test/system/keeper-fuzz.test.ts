/**
 * Mutated plans of harmless calls, and mutated requests, to a few hundred keepers: whatever comes, a keeper ends by
 * itself, by no signal, within the plan's deadline, and its child with it. TARE_FUZZ_SEED and TARE_FUZZ_MS change the
 * seed and the time; a failure prints the number of the round, which the same seed makes again.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { syscallNumber } from "../../src/linux/kernel/syscall.ts";
import { answer, encodeRequest, FrameReader } from "../../src/runtime/keeper/frames.ts";
import { encodePlan } from "../../src/runtime/plan/encode.ts";
import { isFullRun } from "../support/full-run.ts";
import { poll } from "../support/patience.ts";
import { encodeHarmless, tracedPlan, programPlan, RawKeeper } from "../support/raw-keeper.ts";
import { randomOf } from "../support/random.ts";
import { Scratch } from "../support/scratch.ts";

const seed = Number(process.env["TARE_FUZZ_SEED"] ?? 20_240_229);
const budgetMs = Number(process.env["TARE_FUZZ_MS"] ?? (isFullRun ? 60_000 : 3_000));
const deadlineMs = 400;
const scratch = new Scratch("keeper-fuzz");
beforeAll(() => {
  execFileSync("make", ["-s", "-C", join(import.meta.dirname, "../../native")]);
});
afterAll(() => scratch[Symbol.dispose]());

const headerBytes = 128;
const opBytes = 80;
const interesting = [
  0, 1, 2, 3, 4, 7, 8, 79, 80, 111, 4095, 4096, 65_535, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];

/**
 * What may be changed without asking the kernel for something that is not harmless: never a call's number, nor an
 * address that the kernel would write to (it may be anywhere in the blob, though).
 */
function mutate(bytes: Buffer, random: (below: number) => number): void {
  const pick = <T>(all: readonly T[]): T => all[random(all.length)] as T;
  const counts = bytes.readUInt32LE(16) + bytes.readUInt32LE(20);
  const changes = 1 + random(4);
  for (let change = 0; change < changes; change++) {
    const what = random(10);
    if (what < 2) {
      const at = pick([
        0, 4, 8, 12, 16, 20, 24, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 72, 76, 80, 84, 108, 112, 116,
      ]);
      const value = random(3) === 0 ? bytes.readUInt32LE(at) ^ (1 << random(32)) : pick(interesting);
      bytes.writeUInt32LE(value >>> 0, at);
    } else if (what < 3) {
      bytes.writeUInt32LE(random(32), 12); // the flags
    } else {
      const op = headerBytes + opBytes * random(counts);
      const number = bytes.readUInt16LE(op);
      const writesMemory = number === syscallNumber("clock_gettime");
      const argument = random(6);
      switch (random(6)) {
        case 0: // a kind; the kernel writes to the blob only
          if (!writesMemory || argument !== 1) bytes.writeUInt8(random(6), op + 2 + argument);
          break;
        case 1: // a value; descriptors 0–9 and what is none
          if (!writesMemory || argument !== 1)
            bytes.writeBigInt64LE(
              BigInt(pick([...interesting, random(10)])) - BigInt(random(3)),
              op + 8 + 8 * argument,
            );
          else bytes.writeBigInt64LE(BigInt(pick([random(200), -1, 1 << 30])), op + 8 + 8 * argument);
          break;
        case 2:
          bytes.writeUInt32LE(pick([random(200), 0xffffffff, 0xfffffffc]), op + 64);
          break;
        case 3:
          bytes.writeUInt8(pick([0, 1, 2, 3, 4, 8, 255]), op + 68 + random(2));
          break;
        case 4:
          bytes.writeUInt16LE(pick([0, 1, 2, 8, 65_535]), op + 70);
          break;
        default:
          bytes.writeUInt16LE(pick([0, 9, 22, 65_535]), op + 72 + 2 * random(4));
      }
    }
  }
}

/** A program for judging, of codes that mean something, seldom a sound one. */
function randomPolicy(random: (below: number) => number): Uint8Array {
  const codes = [0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x06, 0x06, 0x00, 0x61];
  const bytes = Buffer.alloc(8 * (1 + random(40)));
  for (let at = 0; at < bytes.length; at += 8) {
    bytes.writeUInt16LE(codes[random(codes.length)] as number, at);
    bytes.writeUInt8(random(4), at + 2);
    bytes.writeUInt8(random(256), at + 3);
    const k = [
      random(70),
      random(0x10_0000) + 0x4_f000,
      0x7fff_0000 + random(0x1_0000),
      0xffff_ffff,
      random(2 ** 32),
    ];
    bytes.writeUInt32LE(k[random(k.length)] as number, at + 4);
  }
  return bytes.subarray(0, random(10) === 0 ? bytes.length - 4 : bytes.length);
}

/** Requests as a clumsy or malicious client sends them. */
function requests(random: (below: number) => number): Buffer {
  const all = Array.from({ length: random(4) }, () => {
    const request = encodeRequest("watch", random(9), random(70_000));
    request.writeUInt32LE(random(8), 4);
    if (random(4) === 0) request.writeUInt32LE(random(2 ** 31), 0);
    return request.subarray(0, random(5) === 0 ? random(17) : 16);
  });
  return Buffer.concat(all);
}

async function round(number: number): Promise<"refused" | "failed" | "ran" | "left"> {
  const random = randomOf(seed + number * 7919);
  const plan =
    random(3) === 0
      ? Buffer.from(encodePlan(tracedPlan(randomPolicy(random), { deadlineMs, keep: random(8) > 0 })))
      : encodeHarmless({ deadlineMs, keep: random(2) === 0, terminal: random(4) === 0 });
  mutate(plan, random);
  plan.writeUInt32LE(deadlineMs, 28);
  await using keeper = new RawKeeper(scratch);
  const cut = random(8) === 0;
  const { socket, reader } = await keeper.send(cut ? plan.subarray(0, random(plan.length)) : plan);
  const other = await keeper.connect().catch(() => undefined);
  other?.on("data", () => {});
  other?.write(requests(random));
  if (cut || random(10) === 0) socket.end();
  let outcome: "refused" | "failed" | "ran" | "left" = "left";
  const attend = async (): Promise<void> => {
    for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
      if (frame.kind === answer.born) keeper.childPid = frame.payload.readInt32LE(0);
      if (frame.kind === answer.barrier) socket.write(encodeRequest("go"));
      if (frame.kind === answer.refused) outcome = "refused";
      if (frame.kind === answer.failed) outcome = "failed";
      if (frame.kind === answer.running) outcome = "ran";
    }
  };
  const [ending] = await Promise.all([keeper.end(deadlineMs + 4_000), attend()]);
  expect(ending.signal).toBeNull();
  await poll(() => (keeper.childIsThere ? undefined : true), { timeoutMs: 1_000, what: "see the child end" });
  return outcome;
}

test("keepers end well whatever plan they are given", async () => {
  const begun = performance.now();
  const outcomes: Record<string, number> = {};
  let next = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - begun < budgetMs && next < 20_000) {
      const number = next++;
      try {
        const outcome = await round(number);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      } catch (thrown) {
        throw new Error(`round ${number} of seed ${seed}: ${String(thrown)}`, { cause: thrown });
      }
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  console.log(`${next} keepers: ${JSON.stringify(outcomes)}`);
  expect(next).toBeGreaterThan(20);
  // The mutations must reach all of it.
  expect(outcomes["refused"] ?? 0).toBeGreaterThan(10);
  expect(outcomes["failed"] ?? 0).toBeGreaterThan(10);
});

test("a running keeper stands any requests", async () => {
  const random = randomOf(seed);
  await using keeper = new RawKeeper(scratch);
  const { reader } = await keeper.send(encodePlan(programPlan(["/bin/sleep", "60"])));
  await keeper.next(reader, "running");
  for (let count = 0; count < 400; count++) {
    const socket = await keeper.connect().catch(() => undefined);
    if (socket === undefined) continue;
    socket.on("data", () => {});
    socket.write(requests(random));
    if (random(3) > 0) socket.destroy();
    else socket.end(Buffer.alloc(random(2_000)));
  }
  const socket = await poll(() => keeper.connect().catch(() => undefined), {
    timeoutMs: 3_000,
    what: "connect after all that",
  });
  const last = new FrameReader(socket);
  socket.write(encodeRequest("watch"));
  expect((await keeper.next(last, "running")).payload.readInt32LE(0)).toBe(keeper.childPid as number);
  expect(keeper.process.exitCode).toBeNull();
  expect(keeper.process.signalCode).toBeNull();
});
