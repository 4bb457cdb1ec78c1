import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { answer, encodeRequest, FrameReader } from "../../src/runtime/keeper/frames.ts";
import { encodePlan } from "../../src/runtime/plan/encode.ts";
import { O_CLOEXEC, O_PATH, RESOLVE_IN_ROOT } from "../../src/linux/constants/open.ts";
import { encodeOpenHow } from "../../src/runtime/plan/paths.ts";
import { checkNotIn, type PlanArgument, type Slot } from "../../src/runtime/plan/plan.ts";
import { addBarrier } from "../../src/runtime/plan/report.ts";
import { guardLeaks } from "../support/leaks.ts";
import { encodeHarmless, planOf, programPlan, RawKeeper } from "../support/raw-keeper.ts";
import { poll, slowness } from "../support/patience.ts";
import { Scratch } from "../support/scratch.ts";

const scratch = new Scratch("plan-runner");
beforeAll(() => {
  execFileSync("make", ["-s", "-C", join(import.meta.dirname, "../../native")]);
});
afterAll(() => scratch[Symbol.dispose]());
const guard = (): AsyncDisposable => guardLeaks();

const EBADMSG = 74;
const headerBytes = 128;
const opBytes = 80;

/** Where op `index` of the child list begins. */
function childOp(plan: Buffer, index: number): number {
  return headerBytes + opBytes * (plan.readUInt32LE(16) + index);
}

async function expectRefused(bytes: Buffer): Promise<void> {
  await using keeper = new RawKeeper(scratch);
  const { reader } = await keeper.send(bytes);
  const refused = await keeper.next(reader, "refused");
  expect(refused.payload.readInt32LE(0)).toBe(EBADMSG);
  expect(await keeper.end()).toEqual({ code: 1, signal: null });
  expect(keeper.childPid).toBeUndefined();
}

const waitingPlan = (options: Parameters<typeof planOf>[1] = {}): Buffer =>
  Buffer.from(
    encodePlan(
      planOf(({ child, blob }) => {
        addBarrier(child, blob, blob.reserve(16), 1, "wait");
        child.add("end", "close", [-1]);
      }, options),
    ),
  );

describe("a plan", () => {
  test("runs: results are kept, stored, loaded, passed on; errors skip; the failure comes with all results", async () => {
    await using _leaks = guard();
    await using keeper = new RawKeeper(scratch);
    const { reader } = await keeper.send(encodeHarmless());
    expect((await keeper.next(reader, "note")).payload.readUInt32LE(0)).toBe(3);
    const { payload } = await keeper.next(reader, "failed");
    expect([0, 4, 8].map((at) => payload.readUInt32LE(at))).toEqual([1, 1, 8]);
    const results = Array.from({ length: 9 }, (_, i) => Number(payload.readBigInt64LE(16 + 8 * i)));
    expect(results[0]).toBe(keeper.childPid as number);
    // The skipped op has the error that skipped it. What is loaded is 0, the upper half of a small pid: standard input,
    // which the before list has closed already.
    expect(results.slice(1)).toEqual([-9, -9, 0, -9, -9, -22, 16, -9]);
    expect(payload.length).toBe(16 + 8 * 9);
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
    expect(keeper.childIsThere).toBe(false);
  });

  test("opens paths with .. while others rename files: openat2 is tried again", async () => {
    const [from, to] = [join(scratch.path, "from"), join(scratch.path, "to")];
    writeFileSync(from, "");
    const renames = `const { renameSync } = require("node:fs");
      for (;;) { renameSync(${JSON.stringify(from)}, ${JSON.stringify(to)}); renameSync(${JSON.stringify(to)}, ${JSON.stringify(from)}); }`;
    const racer = spawn(process.execPath, ["-e", renames], { stdio: "ignore" });
    try {
      await using keeper = new RawKeeper(scratch);
      const how = encodeOpenHow(O_PATH | O_CLOEXEC, RESOLVE_IN_ROOT);
      const plan = planOf(({ child }) => {
        for (let count = 0; count < 400; count++) {
          const fd = child.add(`open ${count}`, "openat2", [-100, "../".repeat(150), how, how.length]);
          child.add("close it", "close", [fd]);
        }
        child.add("be wrong", "close", [-1]);
      });
      await poll(() => (existsSync(to) ? true : undefined), { timeoutMs: 10_000, what: "see a rename" });
      const { reader } = await keeper.send(encodePlan(plan));
      const { payload } = await keeper.next(reader, "failed");
      expect({ op: payload.readUInt32LE(8), result: payload.readInt32LE(12) }).toEqual({
        op: 800,
        result: -9,
      });
    } finally {
      racer.kill("SIGKILL");
    }
  });

  test("fails in the before list without making a child", async () => {
    await using keeper = new RawKeeper(scratch);
    const plan = planOf(({ before }) => {
      before.add("be right", "getpid", []);
      before.add("be wrong", "close", [-1]);
    });
    const { reader } = await keeper.send(encodePlan(plan));
    const { payload } = await keeper.next(reader, "failed");
    expect([4, 8].map((at) => payload.readUInt32LE(at))).toEqual([0, 1]);
    expect(payload.readInt32LE(12)).toBe(-9);
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
    expect(keeper.childPid).toBeUndefined();
  });

  test("fails where a result is not the expected one", async () => {
    await using keeper = new RawKeeper(scratch);
    const { reader } = await keeper.send(
      encodePlan(planOf(({ child }) => child.add("be five", "getpid", [], { expect: -5 }))),
    );
    const { payload } = await keeper.next(reader, "failed");
    expect(payload.readInt32LE(12)).toBe(keeper.childPid as number);
  });

  test.each([
    [[8, 7, 9], 3, -1],
    [[8, 7, 9], 1, -9],
    [[], 0, -9],
  ])("check-not-in compares a number with %p, of which %d count", async (numbers, count, result) => {
    await using keeper = new RawKeeper(scratch);
    const plan = planOf(({ child, blob }) => {
      const value = blob.put(new Uint8Array(Uint32Array.of(9).buffer));
      const table = new Uint8Array(Uint32Array.from(numbers).buffer);
      child.add("check", checkNotIn, [{ addressOf: value }, { addressOf: blob.put(table) }, count]);
      child.add("be wrong", "close", [-1]);
    });
    const { reader } = await keeper.send(encodePlan(plan));
    expect((await keeper.next(reader, "failed")).payload.readInt32LE(12)).toBe(result);
  });

  test("without any call fails, as one that executes nothing", async () => {
    await using keeper = new RawKeeper(scratch);
    const { reader } = await keeper.send(encodePlan(planOf(() => {})));
    expect((await keeper.next(reader, "failed")).payload.readUInt32LE(4)).toBe(1);
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
  });

  test("executes a program, tells its pid and its end", async () => {
    await using _leaks = guard();
    await using keeper = new RawKeeper(scratch);
    const { reader } = await keeper.send(encodePlan(programPlan(["/bin/sh", "-c", "exit 7"])));
    expect((await keeper.next(reader, "running")).payload.readInt32LE(0)).toBe(keeper.childPid as number);
    expect((await keeper.next(reader, "exit")).payload.readInt32LE(4)).toBe(7 << 8);
    expect(await keeper.end()).toEqual({ code: 0, signal: null });
  });

  test("tells that the clone itself failed", async () => {
    await using keeper = new RawKeeper(scratch);
    const { reader } = await keeper.send(encodeHarmless({ cgroupFd: 0 }));
    const { payload } = await keeper.next(reader, "failed");
    expect(payload.readUInt32LE(8)).toBe(0xffffffff);
    expect(payload.readInt32LE(12)).toBeLessThan(0);
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
  });

  test("that comes byte by byte is a plan like any other", async () => {
    await using keeper = new RawKeeper(scratch);
    const bytes = Buffer.concat([encodeRequest("plan"), encodeHarmless()]);
    const socket = await keeper.connect();
    const reader = new FrameReader(socket);
    for (let at = 0; at < bytes.length; at++) {
      socket.write(bytes.subarray(at, at + 1));
      if (at % 50 === 0) await sleep(1);
    }
    expect((await keeper.next(reader, "failed")).payload.readUInt32LE(8)).toBe(8);
  });
});

describe("a plan that is cut off", () => {
  const whole = Buffer.concat([encodeRequest("plan"), encodeHarmless()]);
  const plan = 16;
  const ops = plan + headerBytes;
  const beforeCount = whole.readUInt32LE(plan + 16);
  const childOps = ops + opBytes * beforeCount;
  const blob = childOps + opBytes * whole.readUInt32LE(plan + 20);
  const cuts = [
    [0, 1, 15, 16],
    [plan + 1, plan + 4, plan + headerBytes - 1, ops],
    [ops + 1, ops + opBytes - 1, ops + opBytes, childOps, childOps + 7, blob - 1, blob],
    [blob + 1, whole.length - 1],
  ].flat();
  test.each(cuts)("after %d bytes makes no child", async (length) => {
    await using keeper = new RawKeeper(scratch);
    const socket = await keeper.connect();
    const reader = new FrameReader(socket);
    socket.end(whole.subarray(0, length));
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
    expect(await reader.next()).toBeUndefined();
  });
});

describe("a plan is refused", () => {
  const patch32 = (at: number, value: number) => (bytes: Buffer) => void bytes.writeUInt32LE(value >>> 0, at);
  const inOp = (index: number, at: number, width: 1 | 2 | 4 | 8, value: number) => (bytes: Buffer) => {
    const place = childOp(bytes, index) + at;
    if (width === 8) bytes.writeBigInt64LE(BigInt(value), place);
    else bytes.writeUIntLE(value, place, width);
  };
  const size = encodeHarmless().readUInt32LE(24);
  const total = encodeHarmless().readUInt32LE(8);
  const mutations: readonly (readonly [string, (bytes: Buffer) => void])[] = [
    ["with another magic", patch32(0, 0x12345678)],
    ["of another version", patch32(4, 2)],
    ["with a total too small", patch32(8, total - 1)],
    ["with a total too large", patch32(8, total + 1)],
    ["with a total of nothing", patch32(8, 0)],
    ["with a total beyond the bound", patch32(8, 0xffffffff)],
    ["with an absurd before count", patch32(16, 0xffffffff)],
    ["with an absurd child count", patch32(20, 0xffffffff)],
    [
      "with counts whose sum wraps round",
      (bytes) => (bytes.writeUInt32LE(0x80000000, 16), bytes.writeUInt32LE(0x80000000, 20), undefined),
    ],
    ["with an absurd blob", patch32(24, 0xffffffff)],
    ["with no log file", patch32(52, 0)],
    ["with too many log files", patch32(52, 11)],
    ["with a stream beyond the blob", patch32(64, size - 3)],
    ["with a stream far beyond the blob", patch32(72, 0xfffffffe)],
    ["with a child that shares our memory", (bytes) => void bytes.writeBigUInt64LE(0x100n, 32)],
    ["with an unknown clone flag", (bytes) => void bytes.writeBigUInt64LE(1n << 40n, 32)],
    ["with an unknown kind of argument", inOp(0, 2, 1, 4)],
    ["with a blob address beyond the blob", inOp(3, 8 + 8, 8, size + 1)],
    ["with a blob address below the blob", inOp(3, 8 + 8, 8, -1)],
    ["with a result of a later op", inOp(6, 8, 8, 7)],
    ["with a result of its own", inOp(6, 8, 8, 6)],
    ["with a negative result", inOp(6, 8, 8, -1)],
    ["with a load beyond the blob", inOp(5, 8, 8, size - 3)],
    ["with a load below the blob", inOp(5, 8, 8, -4)],
    ["with a store beyond the blob", inOp(0, 64, 4, size - 7)],
    ["with a store far beyond the blob", inOp(0, 64, 4, 0xfffffff8)],
    ["with a store of three bytes", inOp(0, 68, 1, 3)],
    ["with an unknown expectation", inOp(0, 69, 1, 3)],
    ["with a jump beyond the end", inOp(1, 70, 2, 8)],
    ["with an absurd jump", inOp(1, 70, 2, 0xffff)],
    ["with a jump of its last op", inOp(8, 70, 2, 1)],
  ];
  test.each(mutations)("%s", async (_name, mutate) => {
    const bytes = encodeHarmless();
    mutate(bytes);
    await expectRefused(bytes);
  });

  test.each(["before", "child"] as const)("with more calls than it has results for, in %s", async (list) => {
    const plan = planOf((lists) => {
      for (let count = 0; count <= 8192; count++) lists[list].add("be right", "getpid", []);
    });
    await expectRefused(Buffer.from(encodePlan(plan)));
  });

  test.each<[string, (end: Slot) => readonly PlanArgument[]]>([
    ["a value behind the blob", (end) => [{ addressOf: end }, { addressOf: { offset: 0, bytes: 4 } }, 1]],
    ["numbers behind the blob", (end) => [{ addressOf: { offset: 0, bytes: 4 } }, { addressOf: end }, 1]],
    ["too many numbers", () => [new Uint8Array(512), new Uint8Array(512), 65]],
    ["a negative count", () => [new Uint8Array(8), new Uint8Array(8), -1]],
    ["addresses of its own", () => [8192, 4096, 1]],
  ])("check-not-in of %s", async (_, argumentsOf) => {
    const plan = planOf(({ child, blob }) => {
      blob.reserve(64);
      child.add("check", checkNotIn, argumentsOf({ offset: 1 << 20, bytes: 4 }));
    });
    await expectRefused(Buffer.from(encodePlan(plan)));
  });

  test("where the numbers are at their bounds it is not", async () => {
    await using keeper = new RawKeeper(scratch);
    const bytes = encodeHarmless();
    inOp(1, 70, 2, 7)(bytes); // to the very end
    inOp(3, 8 + 8, 8, size)(bytes); // an empty place
    inOp(5, 8, 8, size - 4)(bytes);
    const { reader } = await keeper.send(bytes);
    expect((await keeper.next(reader, "failed")).payload.readUInt32LE(8)).toBe(8);
  });
});

describe("the set-up", () => {
  test("ends with the engine that vanishes before it sends anything", async () => {
    await using keeper = new RawKeeper(scratch);
    (await keeper.connect()).destroy();
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
  });

  test.each([
    ["nonsense", randomBytes(16)],
    ["a request other than a plan", encodeRequest("watch")],
  ])("ends with %s for a first request", async (_name, bytes) => {
    await using keeper = new RawKeeper(scratch);
    (await keeper.connect()).write(bytes);
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
  });

  test("ends with the engine that vanishes while the child waits; the child is killed", async () => {
    await using _leaks = guard();
    await using keeper = new RawKeeper(scratch);
    const { socket, reader } = await keeper.send(waitingPlan());
    await keeper.next(reader, "barrier");
    expect(keeper.childIsThere).toBe(true);
    socket.destroy();
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
    expect(keeper.childIsThere).toBe(false);
  });

  test("ends at its deadline; the child is killed", async () => {
    await using keeper = new RawKeeper(scratch);
    const begun = performance.now();
    const { reader } = await keeper.send(waitingPlan({ deadlineMs: 250 }));
    await keeper.next(reader, "barrier");
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
    expect(performance.now() - begun).toBeGreaterThan(240);
    expect(performance.now() - begun).toBeLessThan(1_500 * slowness);
    expect(keeper.childIsThere).toBe(false);
  });

  test("ends at its deadline when a call of the child does not return", async () => {
    await using keeper = new RawKeeper(scratch);
    const plan = planOf(({ child }) => child.add("wait forever", "ppoll", [null, 0, null, null, 8]), {
      deadlineMs: 200,
    });
    const { reader } = await keeper.send(encodePlan(plan));
    await keeper.next(reader, "born");
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
    expect(keeper.childIsThere).toBe(false);
  });

  test("ends with the keeper: a child that waits finds it out", async () => {
    await using keeper = new RawKeeper(scratch);
    const { reader } = await keeper.send(waitingPlan());
    await keeper.next(reader, "barrier");
    keeper.process.kill("SIGKILL");
    await keeper.end();
    await poll(() => (keeper.childIsThere ? undefined : true), {
      timeoutMs: 2_000,
      what: "see the child end",
    });
  });

  test.each([
    ["a second plan", encodeRequest("plan")],
    ["an unknown request", Buffer.concat([encodeRequest("go").subarray(0, 4), Buffer.alloc(12, 9)])],
    ["nonsense", randomBytes(16)],
  ])("ends with %s in the place of go", async (_name, bytes) => {
    await using keeper = new RawKeeper(scratch);
    const { socket, reader } = await keeper.send(waitingPlan());
    await keeper.next(reader, "barrier");
    socket.write(bytes);
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
    expect(keeper.childIsThere).toBe(false);
  });

  test("ends with a go that nobody waits for", async () => {
    await using keeper = new RawKeeper(scratch);
    const plan = planOf(({ child }) => child.add("wait", "ppoll", [null, 0, null, null, 8]));
    const { socket, reader } = await keeper.send(encodePlan(plan));
    await keeper.next(reader, "born");
    socket.write(encodeRequest("go"));
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
    expect(keeper.childIsThere).toBe(false);
  });

  test.each([
    ["a packet that is no packet", 0],
    ["a failure without results", 1],
    ["a barrier that is too short", 2],
    ["a barrier for a descriptor that is not there", 3],
  ])("stands a child that writes %s", async (_name, kind) => {
    await using keeper = new RawKeeper(scratch);
    const packet = Buffer.alloc(kind === 3 ? 16 : 8, 0);
    packet.writeUInt32LE(kind === 3 ? 2 : kind === 0 ? 77 : kind, 0);
    if (kind === 3) {
      packet.writeUInt32LE(0x80000001, 4);
      packet.writeBigInt64LE(9_999n, 8);
    }
    const plan = planOf(({ child }) => {
      child.add("write", "write", [3, packet, packet.length]);
      child.add("wait", "ppoll", [null, 0, null, null, 8]);
    });
    await keeper.send(encodePlan(plan));
    expect(await keeper.end()).toEqual({ code: 1, signal: null });
  });

  test("lets others watch only when the process runs", async () => {
    await using keeper = new RawKeeper(scratch);
    const plan = planOf(({ child, blob }) => {
      addBarrier(child, blob, blob.reserve(16), 1, "wait");
      child.add("close what is not its own", "close_range", [4, 0xffffffff, 0]);
      const none = { addressOf: blob.textArray([]) };
      child.add("execute", "execve", ["/bin/sleep", { addressOf: blob.textArray(["sleep", "60"]) }, none]);
    });
    const { socket, reader } = await keeper.send(encodePlan(plan));
    await keeper.next(reader, "barrier");
    const other = await keeper.connect();
    const others = new FrameReader(other);
    other.write(encodeRequest("watch"));
    let early = true;
    const told = keeper.next(others, "running").then((frame) => ({ frame, early }));
    await sleep(100);
    early = false;
    socket.write(encodeRequest("go"));
    await keeper.next(reader, "running");
    expect((await told).early).toBe(false);
    expect((await told).frame.payload.readInt32LE(0)).toBe(keeper.childPid as number);
  });
});

describe("the control socket", () => {
  async function running(): Promise<{
    keeper: RawKeeper;
    reader: FrameReader;
    socket: Awaited<ReturnType<RawKeeper["connect"]>>;
  }> {
    const keeper = new RawKeeper(scratch);
    const { socket, reader } = await keeper.send(encodePlan(programPlan(["/bin/sleep", "60"])));
    await keeper.next(reader, "running");
    return { keeper, reader, socket };
  }
  async function expectServes(keeper: RawKeeper): Promise<void> {
    const socket = await keeper.connect();
    const reader = new FrameReader(socket);
    socket.write(encodeRequest("watch"));
    const { payload } = await keeper.next(reader, "running");
    expect(payload.readInt32LE(0)).toBe(keeper.childPid as number);
    socket.destroy();
  }

  test("drops who sends nonsense; the process goes on", async () => {
    await using _leaks = guard();
    const { keeper } = await running();
    await using _keeper = keeper;
    for (let round = 0; round < 20; round++) {
      const socket = await keeper.connect();
      socket.write(randomBytes(1 + round * 7));
      if (round % 2 === 0) socket.end();
    }
    await expectServes(keeper);
    expect(keeper.childIsThere).toBe(true);
  });

  test("refuses a second plan and unknown requests by name", async () => {
    const { keeper, socket, reader } = await running();
    await using _keeper = keeper;
    socket.write(encodeRequest("plan"));
    expect((await keeper.next(reader, "refused")).payload.readInt32LE(0)).toBe(38);
    const unknown = encodeRequest("go");
    unknown.writeUInt32LE(99, 4);
    socket.write(unknown);
    expect((await keeper.next(reader, "refused")).payload.readInt32LE(0)).toBe(38);
    await expectServes(keeper);
  });

  test("serves many at once, refuses those beyond its bound, and has room again later", async () => {
    const { keeper } = await running();
    await using _keeper = keeper;
    const attempts = await Promise.allSettled(Array.from({ length: 40 }, () => keeper.connect()));
    const sockets = attempts.flatMap((attempt) => (attempt.status === "fulfilled" ? [attempt.value] : []));
    const kinds = await Promise.all(
      sockets.map(async (socket) => {
        const reader = new FrameReader(socket);
        socket.write(encodeRequest("watch"));
        return (await reader.next())?.kind;
      }),
    );
    expect(kinds.filter((kind) => kind === answer.running).length).toBe(31);
    // The rest is refused, or was closed before anybody read.
    expect(kinds.filter((kind) => ![answer.running, answer.refused, undefined].includes(kind as 4))).toEqual(
      [],
    );
    for (const socket of sockets) socket.destroy();
    await sleep(50);
    await expectServes(keeper);
  });

  test("is not held up by half a request, nor by who reads no answer", async () => {
    const { keeper } = await running();
    await using _keeper = keeper;
    (await keeper.connect()).write(encodeRequest("watch").subarray(0, 9));
    const deaf = await keeper.connect();
    deaf.pause();
    for (let round = 0; round < 2_000; round++) deaf.write(encodeRequest("watch"));
    const begun = performance.now();
    await sleep(50);
    await expectServes(keeper);
    expect(performance.now() - begun).toBeLessThan(4_000 * slowness);
    expect(keeper.childIsThere).toBe(true);
  });
});

test("a keeper that nobody connects to leaves by itself, one that waits for its plan with its engine", async () => {
  await using alone = new RawKeeper(scratch);
  await using waiting = new RawKeeper(scratch);
  const socket = await waiting.connect();
  expect(await alone.end(12_000)).toEqual({ code: 1, signal: null });
  await sleep(1_000);
  expect(waiting.process.exitCode).toBeNull();
  socket.destroy();
  expect(await waiting.end(2_000 * slowness)).toEqual({ code: 1, signal: null });
});
