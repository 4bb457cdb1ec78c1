/** What clients do with a connection besides one request after the other. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiConnection, type Exchange } from "../../../src/daemon/http/connection.ts";
import { poll } from "../../support/patience.ts";
import { OwnedFd } from "../../../src/linux/kernel/fd.ts";
import { attempt, call } from "../../../src/linux/kernel/syscall.ts";
import { connectUnixSocket } from "../../../src/linux/sockets/unix-message.ts";
import { type DaemonUnderTest, startDaemon } from "./daemon-under-test.ts";
import { bodyOf, rawRequest, requestText, statusOf } from "./raw-request.ts";

const upgrade = { Connection: "Upgrade", Upgrade: "tcp" };

async function create({ client }: DaemonUnderTest, command: readonly string[]): Promise<string> {
  return (await client.containers.create({ Image: "busybox", Cmd: command, OpenStdin: true })).Id;
}

async function createExec(daemon: DaemonUnderTest, command: readonly string[]): Promise<string> {
  const id = await create(daemon, ["sleep", "60"]);
  await daemon.client.containers.start(id);
  const exec = { Cmd: command, AttachStdin: true, AttachStdout: true };
  return (await daemon.client.containers.createExec(id, exec)).Id;
}

/** A connection that collects what comes. */
function open(daemon: DaemonUnderTest): {
  readonly socket: Socket;
  readonly text: () => string;
  readonly isOver: () => boolean;
} {
  const socket = connect({ path: daemon.socketPath, allowHalfOpen: true });
  let received = "";
  let isOver = false;
  socket.on("data", (piece: Buffer) => (received += piece.toString("latin1")));
  socket.on("end", () => (isOver = true));
  socket.on("error", () => (isOver = true));
  return { socket, text: () => received, isOver: () => isOver };
}

const until = (what: string, is: () => boolean): Promise<true> =>
  poll(() => (is() ? true : undefined), { timeoutMs: 10_000, what });

const attachText = (id: string, headers: Readonly<Record<string, string>>): string =>
  requestText(`POST /v1.51/containers/${id}/attach?stream=1&stdin=1&stdout=1`, "", headers);

describe("a connection that is taken over", () => {
  test("has the bytes that came with an upgrade request as its input", async () => {
    await using daemon = await startDaemon();
    const id = await create(daemon, ["cat"]);
    const reading = rawRequest(daemon.socketPath, `${attachText(id, upgrade)}early`, {
      end: true,
      untilMs: 20_000,
    });
    await until("attach", () => daemon.engine.find(id).process.attachedCount === 1);
    await daemon.client.containers.start(id);
    expect(bodyOf(await reading)).toBe("\x01\0\0\0\0\0\0\x05early");
  });

  test("is one of a request with `Upgrade` and without `Connection: Upgrade`, too", async () => {
    await using daemon = await startDaemon();
    const id = await create(daemon, ["cat"]);
    for (const headers of [{ Upgrade: "tcp", Connection: "close" }, { Upgrade: "tcp" }]) {
      const { socket, text } = open(daemon);
      socket.write(attachText(id, headers));
      await until("be upgraded", () => text().includes("\r\n\r\n"));
      expect(text()).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
      socket.destroy();
    }
  });

  test("has what follows a body that nobody reads as its input, after an upgrade", async () => {
    await using daemon = await startDaemon();
    const id = await create(daemon, ["cat"]);
    const line = `POST /v1.51/containers/${id}/attach?stream=1&stdin=1&stdout=1`;
    const text = `${requestText(line, '{"stream":true}', upgrade)}input`;
    const reading = rawRequest(daemon.socketPath, text, { end: true, untilMs: 20_000 });
    await until("attach", () => daemon.engine.find(id).process.attachedCount === 1);
    await daemon.client.containers.start(id);
    expect(bodyOf(await reading)).toBe("\x01\0\0\0\0\0\0\x05input");
  });

  test("has the bytes that came with its request, also when the client's end was read before", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tare-connection-"));
    const { promise: exchanged, resolve: onRequest } = Promise.withResolvers<Exchange>();
    const calls = { sendAlone: () => 0, hasHungUp: () => false };
    const server = createServer({ allowHalfOpen: true }, (socket) =>
      new ApiConnection(socket, { calls, onRest: () => {}, onRequest }).begin(),
    );
    await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
    const client = connect({ path: join(folder, "socket"), allowHalfOpen: true });
    client.end("POST /x HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\n\r\nearly");
    const exchange = await exchanged;
    await until("read the end", () => exchange.socket.readableEnded);
    const input = exchange.take();
    let text = "";
    for await (const piece of input) text += String(piece);
    expect(text).toBe("early");
    client.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });

  test("has a body that nobody reads as its input, without an upgrade", async () => {
    await using daemon = await startDaemon();
    const id = await create(daemon, ["cat"]);
    const line = `POST /v1.51/containers/${id}/attach?stream=1&stdin=1&stdout=1`;
    const reading = rawRequest(daemon.socketPath, requestText(line, "typed"), { end: true, untilMs: 20_000 });
    await until("attach", () => daemon.engine.find(id).process.attachedCount === 1);
    await daemon.client.containers.start(id);
    expect(bodyOf(await reading)).toBe("\x01\0\0\0\0\0\0\x05typed");
  });

  test("has what follows a body as its input, also without an upgrade", async () => {
    await using daemon = await startDaemon();
    for (const headers of [upgrade, { Upgrade: "tcp" }, {}]) {
      const exec = await createExec(daemon, ["cat"]);
      const text = requestText(`POST /v1.51/exec/${exec}/start`, '{"Detach":false}', headers);
      const reply = await rawRequest(daemon.socketPath, `${text}input`, { end: true, untilMs: 20_000 });
      expect(bodyOf(reply)).toBe("\x01\0\0\0\0\0\0\x05input");
      expect(statusOf(reply)).toBe("Upgrade" in headers ? 101 : 200);
    }
  });

  test("gives its head by a read of its own, however late the client reads", async () => {
    await using daemon = await startDaemon();
    const exec = await createExec(daemon, ["echo", "first"]);
    using socket = new OwnedFd(call("socket", 1, 1, 0));
    connectUnixSocket(socket.fd, daemon.socketPath);
    const asked = Buffer.from(requestText(`POST /v1.51/exec/${exec}/start`, "{}", upgrade));
    call("sendto", socket.fd, asked, asked.length, 0, null, 0);
    const waiting = Buffer.alloc(4);
    await until("have it all", () => {
      call("ioctl", socket.fd, 0x541b, waiting); // FIONREAD
      const peeked = Buffer.alloc(waiting.readInt32LE(0));
      return daemon.engine.execs[0]?.process.isRunning === false && peeked.length > 0 && hasEnded(socket.fd);
    });
    const buffer = Buffer.alloc(64 * 1024);
    const read = (): string =>
      buffer.toString("latin1", 0, call("recvfrom", socket.fd, buffer, buffer.length, 0, null, 0));
    const head = read();
    expect(head).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
    expect(head).toEndWith("\r\n\r\n");
    expect(read()).toBe("\x01\0\0\0\0\0\0\x06first\n");
    expect(read()).toBe("");
  });
});

/** Whether the peer has ended its direction (POLLRDHUP). */
function hasEnded(fd: number): boolean {
  const asked = Buffer.alloc(8);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(0x2000, 4);
  return attempt("ppoll", asked, 1, Buffer.alloc(16), null, 8) > 0;
}

describe("a client that ends its direction", () => {
  test("gets its answer, also one that comes later", async () => {
    await using daemon = await startDaemon();
    for (const headers of [{}, { Connection: "keep-alive" }]) {
      const id = await create(daemon, ["sleep", "60"]);
      await daemon.client.containers.start(id);
      const ask = (line: string): Promise<string> =>
        rawRequest(daemon.socketPath, requestText(line, "", headers), { end: true, untilMs: 20_000 });
      const waiting = ask(`POST /v1.51/containers/${id}/wait`);
      expect(bodyOf(await ask("GET /_ping"))).toBe("OK");
      await daemon.client.containers.kill(id);
      const reply = await waiting;
      expect([statusOf(reply), reply.includes('{"StatusCode":137}')]).toEqual([200, true]);
    }
  });

  test("and then goes away is noticed", async () => {
    await using daemon = await startDaemon();
    const id = await create(daemon, ["sleep", "60"]);
    await daemon.client.containers.start(id);
    const { socket, text } = open(daemon);
    socket.end(attachText(id, upgrade));
    await until("attach", () => text().includes("101") && daemon.engine.find(id).process.attachedCount === 1);
    socket.destroy();
    await until("let it go", () => daemon.engine.find(id).process.attachedCount === 0);
  });

  test("in the middle of a request has gone", async () => {
    await using daemon = await startDaemon();
    const text = `POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`;
    expect(await rawRequest(daemon.socketPath, text, { end: true, untilMs: 20_000 })).toBe("");
    expect(await rawRequest(daemon.socketPath, "GET /_ping HTT", { end: true, untilMs: 20_000 })).toBe("");
  });
});

describe("a connection", () => {
  test("answers requests that come at once in their order, and closes when it is asked to", async () => {
    await using daemon = await startDaemon();
    const one = "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n";
    const body = "\r\nContent-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    const two = `POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked${body}`;
    const reply = await rawRequest(
      daemon.socketPath,
      `${one.repeat(200)}${two}\r\n${requestText("HEAD /_ping")}`,
      {
        untilMs: 20_000,
      },
    );
    const statuses = [...reply.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    expect(statuses).toEqual([...Array.from({ length: 200 }, () => 200), 400, 200]);
    expect(bodyOf(reply.slice(reply.lastIndexOf("HTTP/1.1 200")))).toBe("");
  });

  test("of HTTP/1.0 is closed after the answer, which is not in chunks", async () => {
    await using daemon = await startDaemon();
    const reply = await rawRequest(daemon.socketPath, "GET /events?until=1 HTTP/1.0\r\n\r\n", {
      untilMs: 20_000,
    });
    expect([statusOf(reply), bodyOf(reply)]).toEqual([200, ""]);
    expect(reply).not.toContain("chunked");
  });

  test("says that a body is welcome when it is asked", async () => {
    await using daemon = await startDaemon();
    const { socket, text, isOver } = open(daemon);
    const body = JSON.stringify({ Image: "busybox" });
    const whole = requestText("POST /v1.51/containers/create", body, { Expect: "100-continue" });
    socket.write(whole.slice(0, -body.length));
    await until("be asked", () => text() === "HTTP/1.1 100 Continue\r\n\r\n");
    socket.write(body);
    await until("be answered", isOver);
    expect(text()).toContain("HTTP/1.1 201 Created");
    socket.destroy();
  });

  test.each([
    ["GET /_ping HTTP/1.1\r\nHost: x\r\nA: b\n\r\n\r\n", 400],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    [`GET /_ping HTTP/1.1\r\nHost: x\r\nA: ${"b".repeat(70_000)}\r\n\r\n`, 431],
    [`GET /${"b".repeat(70_000)}`, 431],
  ])("with %p is answered %d and closed", async (text, status) => {
    await using daemon = await startDaemon();
    const reply = await rawRequest(daemon.socketPath, text, { untilMs: 20_000 });
    expect(statusOf(reply)).toBe(status);
    expect(reply).toContain("Connection: close");
    expect(JSON.parse(bodyOf(reply))).toEqual({
      message: expect.stringMatching(/^cannot read the request: /),
    });
  });

  test("whose body is malformed is cut off, and the daemon serves others", async () => {
    await using daemon = await startDaemon();
    const head = "POST /v1.51/containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect(await rawRequest(daemon.socketPath, `${head}zz\r\n`, { untilMs: 20_000 })).toBe("");
    expect((await daemon.client.system.ping()).osType).toBe("linux");
  });
});
