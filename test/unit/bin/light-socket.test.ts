import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LightSocket } from "../../../src/bin/light-socket.ts";
import { sleep } from "../../../src/base/deadline.ts";

describe("LightSocket", () => {
  let directory: string;
  let path: string;
  let server: Server | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tare-light-"));
    path = join(directory, "socket");
  });
  afterEach(() => {
    server?.close();
    server = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  const serve = async (onSocket: (socket: Socket) => void): Promise<void> => {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      onSocket(socket);
    });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    server.listen(path, () => resolve(undefined));
    await promise;
  };

  const readAll = async (socket: LightSocket): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for await (const piece of socket) pieces.push(piece);
    return Buffer.concat(pieces);
  };

  test("connect() rejects with the system's code", async () => {
    expect(LightSocket.connect({ path })).rejects.toMatchObject({ code: "ENOENT" });
    // A socket file that nobody listens at.
    Bun.spawnSync(["python3", "-c", `import socket; socket.socket(socket.AF_UNIX).bind("${path}-dead")`]);
    expect(LightSocket.connect({ path: `${path}-dead` })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("what is written arrives whole, with back-pressure, and comes back; an end half-closes", async () => {
    await serve((socket) => socket.pipe(socket));
    const sent = randomBytes(8 * 1024 * 1024);
    const socket = await LightSocket.connect({ path });
    const received = readAll(socket);
    let waits = 0;
    for (let at = 0; at < sent.length; at += 100_000) {
      if (socket.write(sent.subarray(at, at + 100_000))) continue;
      waits++;
      await new Promise<undefined>((resolve) => socket.once("drain", resolve));
    }
    expect(waits).toBeGreaterThan(0);
    socket.end();
    expect(socket.writable).toBe(false);
    expect((await received).equals(sent)).toBe(true);
  });

  test("an end before all was sent comes after it", async () => {
    await serve((socket) => socket.pipe(socket));
    const sent = randomBytes(4 * 1024 * 1024);
    const socket = await LightSocket.connect({ path });
    let isDone = false;
    socket.write(sent, () => (isDone = true));
    socket.end("last");
    const received = await readAll(socket);
    expect(received.length).toBe(sent.length + 4);
    expect(received.subarray(-4).toString()).toBe("last");
    expect(isDone).toBe(true);
  });

  test("a paused one keeps what came before the peer's end; nothing is told twice", async () => {
    await serve((socket) => socket.end("hello"));
    const socket = await LightSocket.connect({ path });
    const told: string[] = [];
    socket.pause();
    socket.on("data", (piece: Buffer) => told.push(piece.toString()));
    socket.on("end", () => void told.push("end"));
    socket.on("close", () => void told.push("close"));
    await sleep(50);
    expect(told).toEqual([]);
    socket.unshift(Buffer.from("first "));
    socket.resume();
    await sleep(50);
    expect(told.join("|")).toBe("first |hello|end");
    socket.destroy();
    socket.destroy();
    await sleep(10);
    expect(told.join("|")).toBe("first |hello|end|close");
  });

  test("a paused one is not told of the close either, however it comes, before it goes on", async () => {
    await serve((socket) => socket.end("hello", () => socket.destroy()));
    const socket = await LightSocket.connect({ path });
    socket.pause();
    socket.end();
    await sleep(50);
    const told: string[] = [];
    for (const event of ["end", "close"] as const) socket.on(event, () => void told.push(event));
    socket.on("data", (piece: Buffer) => told.push(piece.toString()));
    await sleep(50);
    expect(told).toEqual([]);
    socket.resume();
    await sleep(50);
    expect(told).toEqual(["hello", "end", "close"]);
  });

  test("more than one piece is the kernel's to keep while it is paused", async () => {
    const pieces = 16;
    let taken = 0;
    await serve((socket) => {
      for (let i = 0; i < pieces; i++) socket.write(randomBytes(1024 * 1024), () => taken++);
      socket.end();
    });
    const socket = await LightSocket.connect({ path });
    socket.pause();
    await sleep(200);
    expect(taken).toBeLessThan(8);
    expect((await readAll(socket)).length).toBe(pieces * 1024 * 1024);
  });

  test("resume() tells later, to who is ready only then", async () => {
    await serve((socket) => void socket.write("x"));
    const socket = await LightSocket.connect({ path });
    socket.pause();
    let told = false;
    socket.on("data", () => (told = true));
    await sleep(50);
    socket.resume();
    expect(told).toBe(false);
    await sleep(50);
    expect(told).toBe(true);
    socket.destroy();
  });

  test("off() and once() are as elsewhere; who listens is told", async () => {
    await serve((socket) => {
      socket.write("1");
      setTimeout(() => socket.write("2"), 50);
    });
    const socket = await LightSocket.connect({ path });
    const told: string[] = [];
    socket.on("newListener", (event: string) => void told.push(event));
    const listener = (): void => void told.push("never");
    socket.on("end", listener);
    socket.off("end", listener);
    socket.once("data", (piece: Buffer) => void told.push(piece.toString()));
    await sleep(150);
    expect(told).toEqual(["end", "data", "1"]);
    socket.destroy();
  });

  test("a connection that is reset is an error, then a close", async () => {
    // The end of a unix socket is a reset for who has sent something that was not read.
    await serve((socket) => {
      socket.pause();
      setTimeout(() => socket.destroy(), 50);
    });
    const socket = await LightSocket.connect({ path });
    const told: string[] = [];
    socket.on("error", (error: NodeJS.ErrnoException) => void told.push(String(error.code)));
    socket.on("close", () => void told.push("close"));
    socket.on("data", () => {});
    socket.write("unread");
    await sleep(300);
    expect(told.at(-1)).toBe("close");
    expect(told.filter((each) => each !== "close" && each !== "ECONNRESET")).toEqual([]);
    expect(socket.destroyed).toBe(true);
    expect(socket.write("more")).toBe(false);
  });
});
