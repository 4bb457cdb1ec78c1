import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { encodeFrame } from "../../../src/spec/stream-frames.ts";
import type { CliContext } from "../../../src/cli/context.ts";
import { parseDetachKeys } from "../../../src/api/container/detach-keys.ts";
import { runSession } from "../../../src/cli/terminal/session.ts";

const keys = parseDetachKeys("ctrl-p,ctrl-q");

const open: Disposable[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one[Symbol.dispose]();
});

/** Two ends of a real connection, each half-closing on its own. */
async function connection(): Promise<readonly [Socket, Socket]> {
  const folder = mkdtempSync(join(tmpdir(), "tare-session-"));
  const path = join(folder, "s");
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const ours = connect({ path, allowHalfOpen: true });
  const theirs = await accepted;
  theirs.on("error", () => {});
  open.push({
    [Symbol.dispose]: () => {
      for (const socket of [ours, theirs]) socket.destroy();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  });
  return [ours, theirs];
}

class Terminal extends PassThrough {
  readonly modes: boolean[] = [];
  isTTY = true;
  setRawMode(isRaw: boolean): void {
    this.modes.push(isRaw);
  }
}

function world(stdin: PassThrough = new PassThrough()): {
  context: CliContext;
  out: () => string;
  err: () => string;
} {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = { out: "", err: "" };
  stdout.on("data", (piece) => (texts.out += String(piece)));
  stderr.on("data", (piece) => (texts.err += String(piece)));
  const context = { stdin, stdout, stderr } as unknown as CliContext;
  return { context, out: () => texts.out, err: () => texts.err };
}

function collect(stream: Readable): Promise<string> {
  let text = "";
  stream.on("data", (piece) => (text += String(piece)));
  return new Promise((resolve) => stream.once("end", () => resolve(text)));
}

describe("runSession()", () => {
  test("takes frames apart to both outputs, wherever they are cut", async () => {
    const [ours, theirs] = await connection();
    const { context, out, err } = world();
    const session = runSession(context, {
      duplex: ours,
      isTerminal: false,
      hasInput: false,
      detachKeys: keys,
    });
    const bytes = Buffer.concat([
      encodeFrame("stdout", Buffer.from("one\n")),
      encodeFrame("stderr", Buffer.from("two\n")),
      encodeFrame("stdout", Buffer.from("three\n")),
    ]);
    for (const byte of bytes) theirs.write(Uint8Array.of(byte));
    theirs.end();
    expect(await session).toBe("ended");
    expect([out(), err()]).toEqual(["one\nthree\n", "two\n"]);
  });

  test("passes input on and half-closes at its end, while output goes on", async () => {
    const [ours, theirs] = await connection();
    const stdin = new PassThrough();
    const { context, out } = world(stdin);
    const session = runSession(context, {
      duplex: ours,
      isTerminal: false,
      hasInput: true,
      detachKeys: keys,
    });
    stdin.end("hello\x10\x11");
    expect(await collect(theirs)).toBe("hello\x10\x11"); // no terminal: no detach keys
    theirs.end(encodeFrame("stdout", Buffer.from("answer")));
    expect(await session).toBe("ended");
    expect(out()).toBe("answer");
  });

  test("leaves input alone when it is not asked for", async () => {
    const [ours, theirs] = await connection();
    const stdin = new PassThrough();
    const { context } = world(stdin);
    const session = runSession(context, {
      duplex: ours,
      isTerminal: false,
      hasInput: false,
      detachKeys: keys,
    });
    theirs.end();
    await session;
    expect(stdin.listenerCount("data")).toBe(0);
  });

  test("passes a terminal's bytes on as they are, in raw mode, restored at the end", async () => {
    const [ours, theirs] = await connection();
    const stdin = new Terminal();
    const { context, out } = world(stdin);
    const session = runSession(context, { duplex: ours, isTerminal: true, hasInput: true, detachKeys: keys });
    expect(stdin.modes).toEqual([true]);
    theirs.write("\x01\0\0\0raw");
    theirs.end();
    expect(await session).toBe("ended");
    expect(out()).toBe("\x01\0\0\0raw");
    expect(stdin.modes).toEqual([true, false]);
    expect(stdin.listenerCount("data")).toBe(0);
  });

  test("ends at the detach keys, without passing them on, and restores the terminal", async () => {
    const [ours, theirs] = await connection();
    const stdin = new Terminal();
    const { context } = world(stdin);
    const received = collect(theirs);
    const session = runSession(context, { duplex: ours, isTerminal: true, hasInput: true, detachKeys: keys });
    stdin.write("ls\x10");
    stdin.write("\x11more");
    expect(await session).toBe("detached");
    expect(await received).toBe("ls");
    expect(stdin.modes).toEqual([true, false]);
    expect(ours.destroyed).toBe(true);
  });

  test("restores the terminal when it is ended from outside", async () => {
    const [ours] = await connection();
    const stdin = new Terminal();
    const { context } = world(stdin);
    const abort = new AbortController();
    const session = runSession(context, {
      duplex: ours,
      isTerminal: true,
      hasInput: true,
      detachKeys: keys,
      signal: abort.signal,
    });
    abort.abort(new Error("SIGTERM"));
    await expect(session).rejects.toThrow("SIGTERM");
    expect(stdin.modes).toEqual([true, false]);
  });

  test("restores the terminal when the stream is malformed, and when the connection breaks", async () => {
    const [ours, theirs] = await connection();
    const { context } = world();
    const session = runSession(context, {
      duplex: ours,
      isTerminal: false,
      hasInput: false,
      detachKeys: keys,
    });
    theirs.write("this is no frame");
    await expect(session).rejects.toMatchObject({ kind: "corrupt" });

    const [second] = await connection();
    const stdin = new Terminal();
    const broken = runSession(world(stdin).context, {
      duplex: second,
      isTerminal: true,
      hasInput: true,
      detachKeys: keys,
    });
    second.destroy(new Error("ECONNRESET"));
    expect(await broken).toBe("ended");
    expect(stdin.modes).toEqual([true, false]);
  });

  test("waits for a slow reader of its output", async () => {
    const [ours, theirs] = await connection();
    const { context } = world();
    const slow = new PassThrough({ highWaterMark: 10 });
    const session = runSession({ ...context, stdout: slow } as CliContext, {
      duplex: ours,
      isTerminal: true,
      hasInput: false,
      detachKeys: keys,
    });
    theirs.end("x".repeat(1000));
    let read = 0;
    slow.on("data", (piece: Buffer) => (read += piece.length));
    await session;
    expect(read).toBe(1000);
  });
});
