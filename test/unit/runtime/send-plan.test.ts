import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeRequest } from "../../../src/runtime/keeper/frames.ts";
import { sendPlan } from "../../../src/runtime/keeper/send-plan.ts";
import { encodePlan } from "../../../src/runtime/plan/encode.ts";
import { type Plan, PlanBlob, PlanList } from "../../../src/runtime/plan/plan.ts";

/** A plan of so many calls, each with its own number. */
function planOf(calls: number): Plan {
  const child = new PlanList();
  for (let i = 0; i < calls; i++) child.add("count", "getpid", [i, -i], { expect: i });
  return {
    before: new PlanList(),
    child,
    blob: new PlanBlob(),
    cloneFlags: 0,
    streams: {},
    keep: false,
    terminal: false,
    closeStdin: false,
    dieWithCaller: false,
    deadlineMs: 1_000,
    keptFds: [],
  };
}

const bytesOf = (plan: Plan): Buffer => Buffer.concat([encodeRequest("plan"), encodePlan(plan)]);

async function connected(work: (ours: Socket, theirs: Socket) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "tare-plan-"));
  const path = join(directory, "socket");
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const listening = new Promise<void>((resolve) => server.listen(path, resolve));
  await listening;
  const ours = connect({ path, allowHalfOpen: true });
  ours.on("error", () => {});
  try {
    await new Promise<void>((resolve) => ours.once("connect", () => resolve()));
    await work(ours, await accepted);
  } finally {
    ours.destroy();
    (await accepted).destroy();
    server.close();
    rmSync(directory, { recursive: true });
  }
}

async function received(socket: Socket, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let got = 0;
  const all = new Promise<void>((resolve) =>
    socket.on("data", (piece: Buffer) => {
      pieces.push(piece);
      got += piece.length;
      if (got >= length) resolve();
    }),
  );
  socket.resume();
  await all;
  return Buffer.concat(pieces);
}

describe("sendPlan()", () => {
  for (const [name, calls] of [
    ["one that is taken at once", 500],
    ["one that is larger than what a socket takes", 30_000],
  ] as const)
    test(`gives the other end ${name}, whole and in order, before what is written then`, () =>
      connected(async (ours, theirs) => {
        const plan = planOf(calls);
        sendPlan(ours, plan);
        ours.write("behind");
        const whole = Buffer.concat([bytesOf(plan), Buffer.from("behind")]);
        expect((await received(theirs, whole.length)).equals(whole)).toBe(true);
      }));

  test("goes behind what waits in the stream already", () =>
    connected(async (ours, theirs) => {
      const first = Buffer.alloc(4 << 20, "a");
      ours.write(first);
      expect(ours.writableLength).toBeGreaterThan(0);
      const plan = planOf(2);
      sendPlan(ours, plan);
      const whole = Buffer.concat([first, bytesOf(plan)]);
      expect((await received(theirs, whole.length)).equals(whole)).toBe(true);
    }));

  test("throws nothing when nobody is at the other end any more: the connection tells", () =>
    connected(async (ours, theirs) => {
      theirs.destroy();
      const closed = new Promise<void>((resolve) => ours.once("close", () => resolve()));
      ours.resume();
      sendPlan(ours, planOf(500));
      ours.end();
      await closed;
      sendPlan(ours, planOf(500));
    }));
});
