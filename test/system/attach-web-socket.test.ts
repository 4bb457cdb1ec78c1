import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { framesOf, maskedFrame } from "../support/web-socket-frames.ts";

const until = (what: string, is: () => boolean): Promise<true> =>
  poll(() => (is() ? true : undefined), { timeoutMs: 20_000, what });

const handshake = [
  "Host: tare",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

describe.skipIf(!isRoot)("attach over WebSocket", () => {
  let tare: Installation;
  let proxy: Server;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    // Clients of WebSockets connect to TCP ports.
    proxy = createServer((incoming) => {
      const outgoing = connect(tare.socket);
      incoming.pipe(outgoing).pipe(incoming);
      incoming.on("error", () => outgoing.destroy());
      outgoing.on("error", () => incoming.destroy());
    });
    await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    proxy.close();
    await tare[Symbol.asyncDispose]();
  });

  const pathOf = (name: string, query: string, version = "1.51"): string =>
    `/v${version}/containers/${name}/attach/ws?${query}`;

  /** Bun's own client. */
  async function open(path: string): Promise<{
    readonly socket: WebSocket;
    readonly got: (string | ArrayBuffer)[];
    readonly text: () => string;
    readonly closed: Promise<{ readonly code: number; readonly wasClean: boolean }>;
  }> {
    const { port } = proxy.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    socket.binaryType = "arraybuffer";
    const got: (string | ArrayBuffer)[] = [];
    socket.addEventListener("message", ({ data }) => got.push(data as string | ArrayBuffer));
    const closed = new Promise<{ code: number; wasClean: boolean }>((resolve) =>
      socket.addEventListener("close", ({ code, wasClean }) => resolve({ code, wasClean })),
    );
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    const text = (): string =>
      got.map((each) => (typeof each === "string" ? each : Buffer.from(each).toString())).join("");
    return { socket, got, text, closed };
  }

  /** Bytes of our own making, and all that came back. */
  function raw(path: string): {
    readonly socket: Socket;
    readonly frames: () => ReturnType<typeof framesOf>;
  } {
    const socket = connect(tare.socket);
    let received = Buffer.alloc(0);
    socket.on("data", (piece) => (received = Buffer.concat([received, piece])));
    socket.write(`GET ${path} HTTP/1.1\r\n${handshake.join("\r\n")}\r\n\r\n`);
    const frames = (): ReturnType<typeof framesOf> => {
      const at = received.indexOf("\r\n\r\n");
      return at < 0 ? [] : framesOf(received.subarray(at + 4));
    };
    return { socket, frames };
  }

  test("feeds the input, and gives both outputs as they are until the program ends", async () => {
    const program = "read line; echo out-$line; sleep 0.2; echo err-$line >&2; read line; exit 3";
    await tare.must(["run", "-di", "--name", "both", "busybox", "sh", "-c", program]);
    const { socket, got, text, closed } = await open(pathOf("both", "stream=1&stdin=1&stdout=1&stderr=1"));
    socket.send("one\n");
    await until("answer", () => text().includes("err-one\n"));
    expect(text()).toBe("out-one\nerr-one\n");
    expect(got.every((each) => each instanceof ArrayBuffer)).toBe(true);
    socket.send(Buffer.from("two\n"));
    expect(await closed).toEqual({ code: 1000, wasClean: true });
    expect(await tare.must(["wait", "both"])).toBe("3");
  });

  test("has the log before the stream, and only what is asked for", async () => {
    await tare.must(["run", "--name", "log", "busybox", "sh", "-c", "echo out; echo err >&2"]);
    for (const [query, expected, version] of [
      ["logs=1&stdout=1", "out\n", "1.51"],
      ["logs=1&stderr=1", "err\n", "1.51"],
      ["logs=1", "", "1.51"],
      ["logs=1&stdout=1&stderr=1", "out\nerr\n", "1.51"],
      // The streams could not be chosen.
      ["logs=1&stdout=1", "out\nerr\n", "1.41"],
      ["", "", "1.51"],
    ] as const) {
      const { text, closed } = await open(pathOf("log", query, version));
      expect(await closed).toMatchObject({ code: 1000 });
      expect([query, text()]).toEqual([query, expected]);
    }
  });

  test("sends text frames before API 1.28", async () => {
    await tare.must(["run", "--name", "old", "busybox", "echo", "grün"]);
    const { got, closed } = await open(pathOf("old", "logs=1", "1.24"));
    await closed;
    expect(got).toEqual(["grün\n"]);
  });

  test("joins a container before it starts", async () => {
    await tare.must(["create", "--name", "later", "busybox", "echo", "began"]);
    const { text, closed } = await open(pathOf("later", "stream=1&stdout=1"));
    await tare.must(["start", "later"]);
    expect(await closed).toMatchObject({ code: 1000 });
    expect(text()).toBe("began\n");
  });

  test("lets a client go by the detach keys, with an event", async () => {
    await tare.must(["run", "-dit", "--name", "terminal", "busybox", "cat"]);
    const query = "stream=1&stdin=1&stdout=1&detachKeys=a,ctrl-b";
    const { socket, closed } = await open(pathOf("terminal", query));
    socket.send("a\x02");
    expect(await closed).toMatchObject({ code: 1000 });
    expect(await tare.must(["inspect", "-f", "{{.State.Status}}", "terminal"])).toBe("running");
    const now = String(Math.floor(Date.now() / 1000) + 1);
    const filters = [
      "--since",
      "0",
      "--until",
      now,
      "--filter",
      "container=terminal",
      "--filter",
      "event=detach",
    ];
    expect(await tare.must(["events", ...filters, "--format", "{{.Action}}"])).toBe("detach");
  });

  test("answers pings, closes after bad frames, and leaves the container running", async () => {
    await tare.must(["run", "-di", "--name", "cat", "busybox", "cat"]);
    const path = pathOf("cat", "stream=1&stdin=1&stdout=1");
    const good = raw(path);
    good.socket.write(maskedFrame({ opcode: 1, text: "he", isFinal: false }));
    good.socket.write(maskedFrame({ opcode: 9, text: "beat" }));
    good.socket.write(maskedFrame({ opcode: 0, text: "llo\n" }));
    await until("echo", () => good.frames().some(({ bytes }) => bytes.toString().includes("llo\n")));
    expect(good.frames().filter(({ opcode }) => opcode === 10)).toEqual([
      { opcode: 10, bytes: Buffer.from("beat") },
    ]);
    good.socket.destroy();
    for (const [bytes, code] of [
      [Buffer.from("\x81\x03abc", "latin1"), 1002],
      [Buffer.from("ffffffffffffffffffffffffffff", "hex"), 1002],
      [Buffer.from("82ff7fffffffffffffff00000000", "hex"), 1009],
      [maskedFrame({ opcode: 8, text: "\x0f\xa0" }), 4000],
    ] as const) {
      const bad = raw(path);
      bad.socket.write(bytes);
      await until("close", () => bad.socket.closed);
      expect(bad.frames()).toEqual([{ opcode: 8, bytes: Buffer.from([code >> 8, code & 255]) }]);
    }
    expect(await tare.must(["inspect", "-f", "{{.State.Status}}", "cat"])).toBe("running");
  });

  test("refuses other requests with one clear error", async () => {
    const { status, text } = await askApi(tare.socket, "GET", pathOf("log", "logs=1"));
    expect([status, text]).toEqual([400, expect.stringContaining("cannot open a WebSocket")]);
    for (const [path, first] of [
      [pathOf("nope", "stream=1"), "HTTP/1.1 404 "],
      [pathOf("log", "stream=1&detachKeys=ctrl-1"), "HTTP/1.1 400 "],
    ] as const) {
      const socket = connect(tare.socket);
      let received = "";
      socket.on("data", (piece: Buffer) => (received += piece.toString()));
      socket.write(`GET ${path} HTTP/1.1\r\n${handshake.join("\r\n")}\r\n\r\n`);
      await until("be refused", () => received.includes("message"));
      expect(received).toStartWith(first);
      socket.destroy();
    }
  });

  test("holds little memory for a client that reads nothing", async () => {
    await tare.must([
      "run",
      "-di",
      "--name",
      "much",
      "busybox",
      "sh",
      "-c",
      "read go; yes | head -c 300000000",
    ]);
    const pid = tare.daemonPid() ?? 0;
    const rssKb = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
    const idle = raw(pathOf("much", "stream=1&stdin=1&stdout=1"));
    idle.socket.write(maskedFrame({ opcode: 1, text: "ping\n" }));
    await until("begin", () => idle.frames().length > 0);
    idle.socket.pause();
    const before = rssKb();
    await new Promise((resume) => setTimeout(resume, 2000));
    expect(rssKb() - before).toBeLessThan(100_000);
    idle.socket.destroy();
    await tare.must(["rm", "-f", "much"]);
  });
});
