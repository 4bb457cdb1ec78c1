import { endGently } from "../../../src/base/stream-writes.ts";
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { encodeFrame } from "../../../src/spec/stream-frames.ts";
import { poll, sleep } from "../../../src/base/deadline.ts";
import { Failure, kindOf } from "../../../src/base/failure.ts";
import { Scratch } from "../../support/scratch.ts";
import { type DaemonUnderTest, startDaemon } from "./daemon-under-test.ts";
import { rawRequest, requestText, statusOf } from "./raw-request.ts";
import type { StartedRun } from "../../../src/client/started-run.ts";

const streams = { stdout: true, stderr: true, stream: true };
const options = { streams, until: "next-exit" } as const;

async function run({ client }: DaemonUnderTest, command: readonly string[], more: object = {}) {
  const request = { Image: "busybox", Cmd: command, ...more };
  const asked = { ...options, streams: { ...streams, stdin: true } };
  const { Id, Warnings, started } = await client.containers.run(request, asked);
  if (started === undefined) throw new Error("it is not run");
  return { Id, Warnings, started };
}

/** By stream, until the end. */
async function readOutput({ connection: { output } }: StartedRun): Promise<Record<string, string>> {
  const text: Record<string, string> = {};
  for await (const { stream, bytes } of output ?? [])
    text[stream] = (text[stream] ?? "") + Buffer.from(bytes).toString();
  return text;
}

const upgrade = { Connection: "Upgrade", Upgrade: "tcp" };

test("creation, start, output and end come on the connection that asks for them, and nothing is missed", async () => {
  await using daemon = await startDaemon();
  for (let round = 0; round < 20; round++) {
    const { Id, Warnings, started } = await run(daemon, ["echo", "all of it"]);
    const { timing, exit, ...streamed } = await started;
    expect([Id, Warnings]).toEqual([daemon.engine.find(Id).id, expect.any(Array)]);
    expect(timing?.TotalMs).toBe(4.5);
    expect(await readOutput({ timing, exit, ...streamed })).toEqual({ stdout: "all of it\n" });
    expect((await exit).StatusCode).toBe(0);
  }
});

test("a terminal's output comes in frames, too", async () => {
  await using daemon = await startDaemon();
  const started = await (await run(daemon, ["echo", "raw"], { Tty: true })).started;
  expect(await readOutput(started)).toEqual({ stdout: "raw\n" });
  expect((await started.exit).StatusCode).toBe(0);
});

test("input goes to the process, and the client's half-close ends it", async () => {
  await using daemon = await startDaemon();
  const started = await (await run(daemon, ["cat"], { OpenStdin: true })).started;
  started.connection.duplex.write("one ");
  started.connection.duplex.end("two");
  expect(await readOutput(started)).toEqual({ stdout: "one two" });
  expect((await started.exit).StatusCode).toBe(0);
});

test("a request of 900 KB is read whole before the connection is taken over", async () => {
  await using daemon = await startDaemon();
  const Env = Array.from({ length: 900 }, (_, index) => `V${index}=${"x".repeat(1000)}`);
  const { Id, started } = await run(daemon, ["echo", "x"], { Env });
  expect(daemon.engine.find(Id).spec.process?.env).toEqual(Env);
  expect(await readOutput(await started)).toEqual({ stdout: "x\n" });
});

test("a client that reads nothing holds the process back, and loses nothing", async () => {
  await using daemon = await startDaemon();
  const total = 32 * 1024 * 1024;
  const { Id, started } = await run(daemon, ["flood", String(total)]);
  const running = await started;
  await sleep(200);
  expect(daemon.engine.find(Id).process.floodedBytes).toBeLessThan(8 * 1024 * 1024);
  expect((await readOutput(running))["stdout"]?.length).toBe(total);
  expect((await running.exit).StatusCode).toBe(0);
});

test("streams that break off within a frame lose what is missing, not the exit", async () => {
  await using daemon = await startDaemon();
  const frame = encodeFrame("stdout", Buffer.from("broken off"));
  const broken = new Duplex({ read: () => {}, write: (_, __, done) => done() });
  daemon.engine.containers.attach = async () => ({ terminal: false, duplex: broken });
  const { Id, started } = await run(daemon, ["sleep", "60"]);
  const running = await started;
  broken.push(frame.subarray(0, -4));
  setTimeout(() => broken.destroy(), 20);
  setTimeout(() => daemon.engine.find(Id).process.end(9), 40);
  expect(await readOutput(running)).toEqual({ stdout: "broken" });
  expect((await running.exit).StatusCode).toBe(9);
});

test("streams that broke off before the start lose the output, not the exit", async () => {
  await using daemon = await startDaemon();
  const duplex = new Duplex();
  duplex.destroy();
  daemon.engine.containers.attach = async () => ({ terminal: false, duplex });
  const running = await (await run(daemon, ["exit", "7"])).started;
  expect(await readOutput(running)).toEqual({});
  expect((await running.exit).StatusCode).toBe(7);
});

test("a daemon that goes away ends the output, and the exit can't be told", async () => {
  await using daemon = await startDaemon();
  const running = await (await run(daemon, ["sleep", "60"])).started;
  const reading = readOutput(running);
  await daemon.serving.close();
  expect(await reading).toEqual({});
  expect(await running.exit.catch(kindOf)).toBe("unavailable");
});

test("endGently() waits for a client that has not taken all of it, and closes one that has and stays", async () => {
  using scratch = new Scratch("linger");
  const path = scratch.join("socket");
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  using _ = { [Symbol.dispose]: () => void server.close() };
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const client = connect({ path, allowHalfOpen: true });
  const theirs = await accepted;
  const total = 4 * 1024 * 1024;
  theirs.write(Buffer.alloc(total));
  endGently(theirs, { last: Buffer.from("the end"), lingerMs: 20 });
  await sleep(200);
  let [bytes, tail] = [0, ""];
  for await (const piece of client) [bytes, tail] = [bytes + piece.length, String(piece.subarray(-7))];
  expect([bytes, tail]).toEqual([total + 7, "the end"]);
  await poll(() => (theirs.destroyed ? true : undefined), { timeoutMs: 2000, what: "close" });
});

test("a client that goes away lets go of the streams, and the process goes on", async () => {
  await using daemon = await startDaemon({ isChecked: false });
  const { Id, started } = await run(daemon, ["sleep", "60"]);
  const { process } = daemon.engine.find(Id);
  (await started).connection.duplex.destroy();
  await poll(() => (process.attachedCount === 0 ? true : undefined), { timeoutMs: 2000, what: "detach" });
  expect(process.isRunning).toBe(true);
});

test("nothing is started for a client that has gone while the container was made", async () => {
  await using daemon = await startDaemon();
  const { containers } = daemon.engine;
  const create = containers.create.bind(containers);
  const [begun, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const made = Promise.withResolvers<string>();
  containers.create = async (spec) => {
    begun.resolve();
    await gone.promise;
    const created = await create(spec);
    made.resolve(created.id);
    return created;
  };
  const body = '{"Image":"busybox","Cmd":["sleep","60"]}';
  const socket = connect(daemon.socketPath);
  socket.write(requestText("POST /v1.51/containers/create?run=1&stdout=1", body, upgrade));
  await begun.promise;
  socket.destroy();
  // The daemon sees it.
  await sleep(100);
  gone.resolve();
  const id = await made.promise;
  await sleep(50);
  expect(daemon.engine.find(id).state.status).toBe("created");
});

test("what can't be created or started is said as it is one after the other, and nothing is left", async () => {
  await using daemon = await startDaemon();
  const { containers } = daemon.client;
  const waits: (AbortSignal | undefined)[] = [];
  const wait = daemon.engine.containers.wait.bind(daemon.engine.containers);
  daemon.engine.containers.wait = (id, asked) => {
    waits.push(asked?.signal);
    return wait(id, asked);
  };
  await expect(containers.run({ Image: "absent" }, options)).rejects.toMatchObject({ kind: "not-found" });
  const other = await containers
    .create({ Image: "busybox", Cmd: ["missing"] })
    .then(({ Id }) => containers.startAttached(Id, { ...options, descriptors: undefined }))
    .catch((thrown: unknown) => thrown);
  const open = (): number => readdirSync("/proc/self/fd").length;
  const before = open();
  // The first may take a connection that is there.
  for (let round = 0; round < 5; round++) await (await run(daemon, ["missing"])).started.catch(() => {});
  const { Id, started } = await run(daemon, ["missing"]);
  const one = await started.catch((thrown: unknown) => thrown);
  const seen = (thrown: unknown): unknown =>
    thrown instanceof Failure ? [thrown.kind, thrown.message, thrown.details] : thrown;
  expect(seen(one)).toEqual(seen(other));
  const { process } = daemon.engine.find(Id);
  await poll(() => (process.attachedCount === 0 ? true : undefined), { timeoutMs: 2000, what: "detach" });
  expect(waits.map((signal) => signal?.aborted)).toEqual(Array(7).fill(true));
  await poll(() => (open() <= before ? true : undefined), { timeoutMs: 2000, what: "close all" });
});

test("what can't be attached is told behind the creation, and nothing starts", async () => {
  await using daemon = await startDaemon();
  daemon.engine.containers.attach = async () => {
    throw new Failure("exhausted", "cannot attach: 16 clients are attached already");
  };
  const { Id, started } = await run(daemon, ["sleep", "60"]);
  await expect(started).rejects.toMatchObject({ kind: "exhausted" });
  expect(daemon.engine.find(Id).state.status).toBe("created");
});

test("it is refused whole when what is asked for besides can't be read", async () => {
  await using daemon = await startDaemon();
  const made = daemon.engine.known.length;
  const text = requestText("POST /v1.51/containers/create?run=1&until=ever", '{"Image":"busybox"}', upgrade);
  expect(statusOf(await rawRequest(daemon.socketPath, text))).toBe(400);
  expect(daemon.engine.known.length).toBe(made);
});

test("a creation alone is answered as ever, also to who offers an upgrade", async () => {
  await using daemon = await startDaemon();
  const text = requestText("POST /v1.51/containers/create", '{"Image":"busybox"}', upgrade);
  expect(statusOf(await rawRequest(daemon.socketPath, text))).toBe(201);
});
