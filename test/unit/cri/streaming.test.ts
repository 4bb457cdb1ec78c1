import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { inflateSync, constants } from "node:zlib";
import { encodeResult, SizeReader, type StreamChoice } from "../../../src/cri/streaming/remote-command.ts";
import { dictionary, emptyBlock } from "../../../src/cri/streaming/spdy-headers.ts";
import { SpdyDecoder } from "../../../src/cri/streaming/spdy-frames.ts";
import { StreamingServer, type StreamingRequest } from "../../../src/cri/streaming/streaming-server.ts";
import { SpdyClient } from "../../support/spdy-client.ts";
import { framesOf, maskedFrame } from "../../support/web-socket-frames.ts";

const all: StreamChoice = { stdin: true, stdout: true, stderr: true, terminal: false };

/** A program that gives back its input in upper case on its output, counts it on its errors, and ends with 3. */
const upper: StreamingRequest = {
  kind: "exec",
  choice: all,
  run: async ({ stdin, stdout, stderr }) => {
    let bytes = 0;
    for await (const piece of stdin ?? []) {
      const text = Buffer.from(piece as Uint8Array).toString();
      bytes += text.length;
      if (stdout?.write(text.toUpperCase()) === false) await once(stdout, "drain");
    }
    stderr?.write(`${bytes} bytes`);
    return { code: 3 };
  },
};

let server: StreamingServer;
beforeEach(async () => void (server = await StreamingServer.open()));
afterEach(() => server.close());

describe("the words of the protocols", () => {
  test.each([
    [{ code: 0 }, true, '{"metadata":{},"status":"Success"}'],
    [{ code: 0 }, false, ""],
    [{ code: 7 }, false, "command terminated with non-zero exit code: exit status 7"],
    [
      { code: 7 },
      true,
      '{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: exit status 7","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}',
    ],
    [
      { failure: "no such file" },
      true,
      '{"metadata":{},"status":"Failure","message":"no such file","reason":"InternalError","code":500}',
    ],
    [{ failure: "no such file" }, false, "no such file"],
  ])("%j with a status: %j", (result, hasStatus, text) => {
    expect(encodeResult(result, { hasStatus })).toBe(text);
  });

  test("sizes come in pieces; what is none is ignored", () => {
    const reader = new SizeReader();
    expect(reader.push(Buffer.from('{"Width":80,"Hei'))).toEqual([]);
    expect(reader.push(Buffer.from('ght":24}\n{"Width":0,"Height":1}{"Width":70000,"Height":1}\n'))).toEqual([
      { columns: 80, rows: 24 },
    ]);
    expect(reader.push(Buffer.alloc(5000, "x"))).toEqual([]);
    expect(reader.push(Buffer.from('{"Height":50,"Width":132}'))).toEqual([{ columns: 132, rows: 50 }]);
  });

  test("blocks without headers are read by another implementation of zlib", () => {
    const blocks = Buffer.concat([emptyBlock(true), emptyBlock(false), emptyBlock(false)]);
    expect(inflateSync(blocks, { dictionary, finishFlush: constants.Z_SYNC_FLUSH })).toEqual(
      Buffer.alloc(12),
    );
  });

  test("frames are decoded from pieces of any size", () => {
    const bytes = Buffer.concat([
      Buffer.from("8003000600000004", "hex"),
      Buffer.from("00000009", "hex"),
      Buffer.from("0000000301000003", "hex"),
      Buffer.from("abc"),
      Buffer.from("0000000501000000", "hex"),
    ]);
    const decoder = new SpdyDecoder();
    const frames = [...bytes].flatMap((byte) => decoder.push(Uint8Array.of(byte)));
    const text = frames.map((frame) =>
      frame.kind === "data" ? Buffer.from(frame.bytes).toString() : frame.kind,
    );
    expect(text).toEqual(["ping", "a", "b", "c", ""]);
    expect(frames.map((frame) => frame.kind === "data" && frame.isLast)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(() => new SpdyDecoder().push(Buffer.from("8002000600000004", "hex"))).toThrow("version 2");
    expect(() => new SpdyDecoder().push(Buffer.from("8003000100ffffff", "hex"))).toThrow("more than");
  });
});

describe("commands over SPDY", () => {
  test("input, output, errors and the exit code have streams of their own", async () => {
    const client = await SpdyClient.open(server.register(upper));
    expect(client.answer).toMatch(/^HTTP\/1.1 101 .*X-Stream-Protocol-Version: v4.channel.k8s.io/s);
    const error = await client.stream({ streamtype: "error" });
    const stdin = await client.stream({ streamtype: "stdin" });
    const stdout = await client.stream({ streamtype: "stdout" });
    const stderr = await client.stream({ streamtype: "stderr" });
    error.end();
    const big = "x".repeat(3_000_000);
    stdin.write(big);
    stdin.write("end");
    stdin.end();
    expect(await stdout.ended).toBe(`${big.toUpperCase()}END`);
    expect(await stderr.ended).toBe("3000003 bytes");
    expect(await error.ended).toContain('"message":"3"');
    await client.frame(({ kind }) => kind === "go-away");
    client.socket.destroy();
  });

  test("a terminal has sizes and no errors of its own; pings are answered meanwhile", async () => {
    const sizes: string[] = [];
    const client = await SpdyClient.open(
      server.register({
        kind: "attach",
        choice: { ...all, terminal: true },
        run: async ({ stdin, stdout, stderr, onResize }) => {
          expect(stderr).toBeUndefined();
          await new Promise<void>((resolve) =>
            onResize(({ columns, rows }) => {
              if (sizes.push(`${columns}x${rows}`) === 2) resolve();
            }),
          );
          const [typed] = (await once(stdin ?? process.stdin, "data")) as [Buffer];
          stdout?.write(typed);
          return { code: 0 };
        },
      }),
    );
    const error = await client.stream({ streamType: "error" });
    const stdin = await client.stream({ streamType: "stdin" });
    const stdout = await client.stream({ streamType: "stdout" });
    const resize = await client.stream({ streamType: "resize" });
    client.ping(1);
    await client.frame((frame) => frame.kind === "ping" && frame.id === 1);
    resize.write('{"Width":80,"Height":24}\n{"Width":100,"Height":30}\n');
    stdin.write("typed");
    expect(await stdout.ended).toBe("typed");
    expect(await error.ended).toBe('{"metadata":{},"status":"Success"}');
    expect(sizes).toEqual(["80x24", "100x30"]);
    client.socket.destroy();
  });

  test("a client that goes away ends the program's signal", async () => {
    let gone = (): void => {};
    const seen = new Promise<void>((resolve) => (gone = resolve));
    const client = await SpdyClient.open(
      server.register({
        kind: "exec",
        choice: { ...all, stdin: false, stderr: false },
        run: async ({ signal }) => {
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
          gone();
          return { code: 0 };
        },
      }),
    );
    await client.stream({ streamtype: "error" });
    await client.stream({ streamtype: "stdout" });
    await Bun.sleep(20);
    client.socket.destroy();
    await seen;
  });

  test("an address is good once, for its own kind; unknown protocols are refused with those that are known", async () => {
    const address = server.register(upper);
    expect((await SpdyClient.open(address.replace("/exec/", "/attach/"))).answer).toMatch(/^HTTP\/1.1 404 /);
    const refused = await SpdyClient.open(address, ["v9.channel.k8s.io"]);
    expect(refused.answer).toMatch(
      /^HTTP\/1.1 403 .*X-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io, v3/s,
    );
    const used = await SpdyClient.open(address);
    expect(used.answer).toMatch(/^HTTP\/1.1 101 /);
    expect((await SpdyClient.open(address)).answer).toMatch(/^HTTP\/1.1 404 /);
    used.socket.destroy();
  });

  test("at most 1,000 addresses wait", () => {
    for (let i = 0; i < 1000; i++) server.register(upper);
    expect(() => server.register(upper)).toThrow("1000 requests wait");
  });

  test.each([
    ["no HTTP", "hello\r\n\r\n", /^HTTP\/1.1 400 /],
    ["another method", "DELETE /exec/x HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1.1 405 /],
    ["no token", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1.1 404 /],
  ])("%s is refused with a sentence", async (_, request, answer) => {
    const { hostname, port } = new URL(server.register(upper));
    const socket = connect(Number(port), hostname);
    socket.end(request);
    let text = "";
    for await (const piece of socket) text += (piece as Buffer).toString();
    expect(text).toMatch(answer);
  });

  test.each([
    ["a block that is not compressed", Buffer.from("800300010000000e0000000100000000000061626364", "hex")],
    ["an even stream", Buffer.from("80030001000000100000000200000000000078bbe3c6a7c2", "hex")],
    ["another version", Buffer.from("8002000600000004", "hex")],
    ["a long control frame", Buffer.from("80030001ffffffff", "hex")],
  ])("%s ends the connection, not the server", async (_, bytes) => {
    const client = await SpdyClient.open(server.register(upper));
    client.socket.write(bytes);
    await once(client.socket, "close");
    expect((await SpdyClient.open(server.register(upper))).answer).toMatch(/ 101 /);
  });
});

describe("commands over WebSockets", () => {
  async function openChannels(
    request: StreamingRequest,
    { protocol, query = "" }: { protocol: string; query?: string },
  ): Promise<{ write: (bytes: Buffer) => void; all: Promise<Buffer> }> {
    const { hostname, port, pathname } = new URL(server.register(request));
    const socket = connect(Number(port), hostname);
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    socket.write(
      `GET ${pathname}${query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: other, ${protocol}\r\n\r\n`,
    );
    const pieces: Buffer[] = [];
    socket.on("data", (piece: Buffer) => void pieces.push(piece));
    const ended = once(socket, "end").then(() => {
      socket.destroy();
      return Buffer.concat(pieces);
    });
    return { write: (bytes) => void socket.write(bytes), all: ended };
  }

  function messagesOf(read: Buffer): readonly { channel: number; text: string }[] {
    const start = read.indexOf("\r\n\r\n") + 4;
    return framesOf(read.subarray(start))
      .filter(({ opcode }) => opcode === 2 || opcode === 1)
      .map(({ bytes }) => ({ channel: bytes[0] ?? -1, text: bytes.subarray(1).toString() }));
  }

  test("channels carry the streams; version 5 ends the input", async () => {
    const { write, all: read } = await openChannels(upper, { protocol: "v5.channel.k8s.io" });
    write(maskedFrame({ opcode: 2, text: "\u0000hel", isFinal: false }));
    write(maskedFrame({ opcode: 0, text: "lo" }));
    write(maskedFrame({ opcode: 2, text: "\u00ff\u0000" }));
    const bytes = await read;
    expect(bytes.toString("latin1")).toMatch(
      /^HTTP\/1.1 101 .*Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n/s,
    );
    const messages = messagesOf(bytes);
    expect(messages[0]).toEqual({ channel: 1, text: "" });
    const on = (channel: number): string =>
      messages
        .filter((each) => each.channel === channel)
        .map(({ text }) => text)
        .join("");
    expect(on(1)).toBe("HELLO");
    expect(on(2)).toBe("5 bytes");
    expect(on(3)).toContain("NonZeroExitCode");
  });

  test("text is base64 in its protocol", async () => {
    const request: StreamingRequest = {
      kind: "exec",
      choice: { ...all, stderr: false },
      run: async ({ stdin, stdout }) => {
        const [piece] = (await once(stdin ?? process.stdin, "data")) as [Buffer];
        stdout?.write(piece.toString().toUpperCase());
        return { failure: "it is broken" };
      },
    };
    const { write, all: read } = await openChannels(request, { protocol: "base64.channel.k8s.io" });
    write(maskedFrame({ opcode: 1, text: `0${Buffer.from("héllo").toString("base64")}` }));
    const messages = messagesOf(await read).map(({ channel, text }) => [
      String.fromCharCode(channel),
      Buffer.from(text, "base64").toString(),
    ]);
    expect(messages).toEqual([
      ["1", ""],
      ["1", "HÉLLO"],
      ["3", "it is broken"],
    ]);
  });

  test("ports have two channels each, which begin with the port", async () => {
    const echo = await echoServer();
    const request: StreamingRequest = {
      kind: "portforward",
      ports: [1],
      connect: (port) => (port === 8080 ? echo.connect() : Promise.reject(new Error("refused"))),
    };
    const query = "?port=8080&port=81";
    const { write, all: read } = await openChannels(request, { protocol: "v4.channel.k8s.io", query });
    write(maskedFrame({ opcode: 2, text: "\u0000ping" }));
    await Bun.sleep(100);
    write(maskedFrame({ opcode: 8, text: "" }));
    const messages = messagesOf(await read);
    const on = (channel: number): string =>
      messages
        .filter((each) => each.channel === channel)
        .map(({ text }) => text)
        .join("");
    expect([on(0), on(1)]).toEqual(
      ["\u0090\u001fping", "\u0090\u001f"].map((text) => Buffer.from(text, "latin1").toString()),
    );
    expect(on(3)).toBe("Q\u0000cannot forward to port 81: refused");
    echo.server.close();
  });
});

async function echoServer(): Promise<{ server: Server; connect: () => Promise<ReturnType<typeof connect>> }> {
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  const address = echo.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    server: echo,
    connect: async () => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      await once(socket, "connect");
      return socket;
    },
  };
}

describe("ports over SPDY", () => {
  test("each pair of streams is one connection; what cannot be reached is an error of its own", async () => {
    const echo = await echoServer();
    const client = await SpdyClient.open(
      server.register({
        kind: "portforward",
        ports: [],
        connect: (port) => (port === 80 ? echo.connect() : Promise.reject(new Error("connection refused"))),
      }),
      ["portforward.k8s.io"],
    );
    const pair = async (port: string, id: string): Promise<readonly [string, string]> => {
      const error = await client.stream({ streamtype: "error", port, requestid: id });
      const data = await client.stream({ streamtype: "data", port, requestid: id });
      error.end();
      data.write(`hello ${id}`);
      data.end();
      return [await data.ended, await error.ended];
    };
    const ids = Array.from({ length: 50 }, (_, index) => String(index));
    const results = await Promise.all(ids.map((id) => pair("80", id)));
    expect(results).toEqual(ids.map((id) => [`hello ${id}`, ""]));
    expect(await pair("81", "last")).toEqual(["reset", "cannot forward to port 81: connection refused"]);
    expect(await pair("no", "bad")).toEqual(["reset", 'cannot forward to port NaN: "NaN" is not a port']);
    client.socket.destroy();
    echo.server.close();
  });
});
