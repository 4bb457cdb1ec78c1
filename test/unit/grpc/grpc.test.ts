import { afterEach, expect, test } from "bun:test";
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../../src/base/failure.ts";
import { GrpcClient, splitMessages } from "../../../src/grpc/client.ts";
import { Codecs } from "../../../src/grpc/codec.ts";
import { GrpcServer } from "../../../src/grpc/server.ts";
import { statusCode, StatusError } from "../../../src/grpc/status.ts";

interface Text {
  readonly text: string;
  readonly count: number;
}
const fields = { text: { type: "string", id: 1 }, count: { type: "int64", id: 2 } };
const codec = new Codecs<{ Text: Text }>({ nested: { Text: { fields } } }).of("Text");
const codings = { request: codec, response: codec };

/** What a promise rejects with. Not by `expect().rejects`: that turns the event loop itself, where HTTP/2 stands still. */
const thrownBy = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );

const open: (() => void)[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function start(server: GrpcServer): Promise<GrpcClient> {
  const directory = mkdtempSync(join(tmpdir(), "tare-grpc-"));
  const path = join(directory, "s");
  const listener: Server = createServer((socket) => {
    sockets.push(socket);
    server.accept(socket);
  });
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  const client = new GrpcClient(connect(path));
  open.push(() => {
    client.close();
    server.close();
    listener.close();
    rmSync(directory, { recursive: true });
  });
  return client;
}

test("unary() gives the response, and the failure that the status stands for", async () => {
  const server = new GrpcServer();
  server.unary("/s/Echo", codings, async ({ text, count }, call) => {
    if (text === "fail") throw new Failure("not-found", "cannot find “it”: no such thing");
    if (text === "own") throw new StatusError({ code: statusCode.unknown, message: "own words" });
    return { text: `${text} ${call.header("x-name")}`, count: count + 1 };
  });
  const client = await start(server);
  const headers = { "x-name": "me" };
  expect(await client.unary("/s/Echo", codings, { text: "hi", count: 2 ** 40 }, { headers })).toEqual({
    text: "hi me",
    count: 2 ** 40 + 1,
  });
  expect(await thrownBy(client.unary("/s/Echo", codings, { text: "fail" }))).toMatchObject({
    kind: "not-found",
    message: "cannot find “it”: no such thing",
  });
  expect(await thrownBy(client.unary("/s/Echo", codings, { text: "own" }))).toMatchObject({
    message: "own words",
  });
  expect(await thrownBy(client.unary("/s/Absent", codings, {}))).toMatchObject({ kind: "unsupported" });
});

test("open() moves many messages both ways, with back-pressure", async () => {
  const server = new GrpcServer();
  server.duplex("/s/Both", codings, async (requests, { send }) => {
    for await (const { text, count } of requests) await send({ text, count });
  });
  const client = await start(server);
  const stream = client.open("/s/Both", codings);
  const text = "x".repeat(20_000);
  const sending = (async () => {
    for (let count = 0; count < 500; count++) await stream.send({ text, count });
    stream.end();
  })();
  let count = 0;
  for await (const message of stream) expect(message).toEqual({ text, count: count++ });
  await sending;
  expect(count).toBe(500);
});

test("a large answer comes whole: more than the windows of streams and connection", async () => {
  const server = new GrpcServer();
  server.serverStream("/s/Large", codings, async (_, { send }) => {
    for (let count = 0; count < 200; count++) await send({ text: "y".repeat(100_000), count });
  });
  const client = await start(server);
  const stream = client.open("/s/Large", codings);
  await stream.send({});
  stream.end();
  let bytes = 0;
  for await (const { text } of stream) bytes += text.length;
  expect(bytes).toBe(20_000_000);
});

test("a call that is canceled fires the handler's signal", async () => {
  const server = new GrpcServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.serverStream("/s/Wait", codings, async (_, { call, send }) => {
    await send({ text: "begun" });
    await new Promise<void>((done) => call.signal.addEventListener("abort", () => done()));
    resolve();
  });
  const client = await start(server);
  const abort = new AbortController();
  const stream = client.open("/s/Wait", codings, { signal: abort.signal });
  await stream.send({});
  stream.end();
  const reading = (async () => {
    for await (const { text } of stream) {
      expect(text).toBe("begun");
      abort.abort(new Failure("canceled", "enough"));
    }
  })();
  expect(await thrownBy(reading)).toMatchObject({ message: "enough" });
  await promise;
});

test("calls end when the connection does", async () => {
  const server = new GrpcServer();
  server.serverStream("/s/Wait", codings, async (_, { call, send }) => {
    await send({ text: "begun" });
    await new Promise<void>((done) => call.signal.addEventListener("abort", () => done()));
  });
  const client = await start(server);
  const stream = client.open("/s/Wait", codings);
  await stream.send({});
  stream.end();
  const reading = (async () => {
    for await (const _ of stream) for (const socket of sockets) socket.destroy();
  })();
  expect(await thrownBy(reading)).toMatchObject({ kind: expect.stringMatching(/canceled|unavailable/) });
});

test("a request that is no message gets one status", async () => {
  const server = new GrpcServer();
  server.unary("/s/Echo", codings, async ({ text }) => ({ text }));
  const client = await start(server);
  const raw = { request: { encode: (bytes: Buffer) => bytes }, response: codec };
  expect(await thrownBy(client.unary("/s/Echo", raw, Buffer.from([0x0f])))).toMatchObject({
    kind: "invalid",
  });
  expect(await client.unary("/s/Echo", codings, { text: "still there" })).toMatchObject({
    text: "still there",
  });
});

test("splitMessages() gives the same messages however the bytes are cut", async () => {
  const frame = (text: string): Buffer => {
    const body = codec.encode({ text });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    return Buffer.concat([head, body]);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 30 })),
      fc.infiniteStream(fc.integer({ min: 1, max: 20 })),
      async (texts, sizes) => {
        const bytes = Buffer.concat(texts.map(frame));
        async function* cut(): AsyncGenerator<Uint8Array> {
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value ?? 1;
            yield bytes.subarray(at, at + size);
            at += size;
          }
        }
        const found: string[] = [];
        for await (const { text } of splitMessages(cut(), codec)) found.push(text);
        expect(found).toEqual(texts);
      },
    ),
  );
});

test("splitMessages() refuses compressed, endless and cut messages", async () => {
  const read = async (...bytes: number[]): Promise<void> => {
    async function* once(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.from(bytes);
    }
    for await (const _ of splitMessages(once(), codec));
  };
  await expect(read(1, 0, 0, 0, 0)).rejects.toThrow(/compressed/);
  await expect(read(0, 255, 255, 255, 255)).rejects.toThrow(/longer than/);
  await expect(read(0, 0, 0, 0, 5, 1)).rejects.toThrow(/cut off/);
});
