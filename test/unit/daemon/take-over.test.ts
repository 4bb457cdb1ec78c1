import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { FrameDecoder } from "../../../src/spec/stream-frames.ts";
import { poll } from "../../../src/base/deadline.ts";
import type { AttachedConnection } from "../../../src/client/transport.ts";
import { type DaemonUnderTest, startDaemon } from "./daemon-under-test.ts";
import { bodyOf, rawRequest, requestText, statusOf } from "./raw-request.ts";

async function create(daemon: DaemonUnderTest, command: readonly string[], more: object = {}) {
  const { Id } = await daemon.client.containers.create({
    Image: "busybox",
    Cmd: command,
    OpenStdin: true,
    ...more,
  });
  const container = daemon.engine.find(Id);
  return { id: Id, process: container.process };
}

/** All output until the daemon's end, as text by stream. */
async function readFrames({ duplex }: AttachedConnection): Promise<string> {
  const decoder = new FrameDecoder();
  let text = "";
  for await (const piece of duplex) {
    for (const frame of decoder.push(piece as Buffer)) text += Buffer.from(frame.bytes).toString();
  }
  expect(decoder.atBoundary).toBe(true);
  return text;
}

const everything = { stdin: true, stdout: true, stderr: true, stream: true };

describe("attach", () => {
  test("it gives back what was fed, after the client has closed its half", async () => {
    await using daemon = await startDaemon();
    const { id } = await create(daemon, ["cat"]);
    const attached = await daemon.client.containers.attach(id, everything);
    expect(attached.terminal).toBe(false);
    attached.duplex.write("one ");
    attached.duplex.end("two");
    await daemon.client.containers.start(id);
    expect(await readFrames(attached)).toBe("one two");
  });

  test("it passes a terminal's bytes as they are", async () => {
    await using daemon = await startDaemon();
    const { id } = await create(daemon, ["echo", "raw"], { Tty: true });
    const attached = await daemon.client.containers.attach(id, everything);
    expect(attached.terminal).toBe(true);
    await daemon.client.containers.start(id);
    let text = "";
    for await (const piece of attached.duplex) text += String(piece);
    expect(text).toBe("raw\n");
  });

  test("it closes the connection when the process ends while the client still could write", async () => {
    await using daemon = await startDaemon();
    const { id, process } = await create(daemon, ["sleep", "60"]);
    const attached = await daemon.client.containers.attach(id, everything);
    await daemon.client.containers.start(id);
    const reading = readFrames(attached);
    process.end(0);
    expect(await reading).toBe("");
    attached.duplex.destroy();
    await poll(() => (process.attachedCount === 0 ? true : undefined), { timeoutMs: 2000, what: "detach" });
  });

  test("it lets go of the streams when the client vanishes", async () => {
    await using daemon = await startDaemon({ isChecked: false });
    const { id, process } = await create(daemon, ["sleep", "60"]);
    await daemon.client.containers.start(id);
    const attached = await daemon.client.containers.attach(id, everything);
    expect(process.attachedCount).toBe(1);
    attached.duplex.destroy();
    await poll(() => (process.attachedCount === 0 ? true : undefined), { timeoutMs: 2000, what: "detach" });
    expect(process.isRunning).toBe(true);
  });

  test("it leaves no descriptor behind, however it ends", async () => {
    await using daemon = await startDaemon({ isChecked: false });
    const { id, process } = await create(daemon, ["sleep", "60"]);
    await daemon.client.containers.start(id);
    const open = (): number => readdirSync("/proc/self/fd").length;
    const rounds = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index++) {
        const { duplex } = await daemon.client.containers.attach(id, everything);
        if (index % 2 === 0) duplex.end("x");
        duplex.destroy();
        await rawRequest(daemon.socketPath, "POST /v1.45/containers/none/attach HTTP/1.1\r\nHo", {
          untilMs: 1,
        });
        await daemon.client.containers.inspect("none").catch(() => {});
      }
      const isQuiet = () => (process.attachedCount === 0 ? true : undefined);
      await poll(isQuiet, { timeoutMs: 2000, what: "detach" });
    };
    await rounds(5);
    const before = open();
    await rounds(60);
    await poll(() => (open() <= before ? true : undefined), { timeoutMs: 2000, what: "close all" });
  });

  test("it holds the process back while the client reads nothing, and loses nothing", async () => {
    await using daemon = await startDaemon();
    const total = 32 * 1024 * 1024;
    const { id, process } = await create(daemon, ["flood", String(total)]);
    const attached = await daemon.client.containers.attach(id, { stdout: true, stream: true });
    await daemon.client.containers.start(id);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(process.floodedBytes).toBeLessThan(8 * 1024 * 1024);
    expect((await readFrames(attached)).length).toBe(total);
  });

  test("the detach keys on a terminal let the client go and the process go on", async () => {
    await using daemon = await startDaemon();
    const { id, process } = await create(daemon, ["sleep", "60"], { Tty: true });
    await daemon.client.containers.start(id);
    for (const [detachKeys, typed] of [
      [undefined, "\x10x\x10\x10\x11lost"],
      ["ctrl-a,b", "\x10\x11\x01b"],
    ] as const) {
      process.inputs.length = 0;
      const options = { ...everything, ...(detachKeys === undefined ? {} : { detachKeys }) };
      const { duplex } = await daemon.client.containers.attach(id, options);
      duplex.write(typed);
      const ended = new Promise((resolve) => duplex.once("end", resolve));
      duplex.resume();
      await ended;
      duplex.destroy();
      expect(process.inputs.join("")).toBe(typed.replace(/\x10\x11lost|\x01b/, ""));
    }
    expect(process.isRunning).toBe(true);
    const bad = daemon.client.containers.attach(id, { ...everything, detachKeys: "ctrl-?" });
    await expect(bad).rejects.toMatchObject({ kind: "invalid" });
  });

  test("it answers 404 in JSON when the container is not there, also to an upgrade", async () => {
    await using daemon = await startDaemon();
    const text = requestText("POST /v1.45/containers/nope/attach?stdout=1&stream=1", "", {
      Connection: "Upgrade",
      Upgrade: "tcp",
    });
    const reply = await rawRequest(daemon.socketPath, text);
    expect(statusOf(reply)).toBe(404);
    expect(JSON.parse(bodyOf(reply))).toEqual({ message: "No such container: nope" });
  });

  test("it names the stream's type only from 1.42 on", async () => {
    await using daemon = await startDaemon();
    const { id } = await create(daemon, ["echo", "x"]);
    await daemon.client.containers.start(id);
    const head = async (version: string): Promise<string> =>
      await rawRequest(
        daemon.socketPath,
        requestText(`POST /v${version}/containers/${id}/attach?logs=1&stdout=1`, "", {
          Connection: "Upgrade",
          Upgrade: "tcp",
        }),
        { end: true },
      );
    const now = await head("1.42");
    expect(now.startsWith("HTTP/1.1 101 UPGRADED\r\n")).toBe(true);
    expect(now).toContain("application/vnd.docker.multiplexed-stream");
    expect(await head("1.41")).toContain("application/vnd.docker.raw-stream");
  });

  test("without an upgrade it answers 200 and streams until the end", async () => {
    await using daemon = await startDaemon();
    const { id } = await create(daemon, ["echo", "plain"]);
    const text = requestText(`POST /v1.45/containers/${id}/attach?stdout=1&stream=1`, "", {
      "Content-Length": "0",
    });
    const reading = rawRequest(daemon.socketPath, text);
    await poll(() => (daemon.engine.find(id).process.attachedCount === 1 ? true : undefined), {
      timeoutMs: 2000,
      what: "attach",
    });
    await daemon.client.containers.start(id);
    const reply = await reading;
    expect(statusOf(reply)).toBe(200);
    expect(reply).not.toContain("chunked");
    expect(bodyOf(reply)).toBe("\x01\0\0\0\0\0\0\x06plain\n");
  });
});

describe("exec", () => {
  test("it reads its JSON first and the input after it, even from one packet", async () => {
    await using daemon = await startDaemon();
    const { id } = await create(daemon, ["sleep", "60"]);
    await daemon.client.containers.start(id);
    const exec = await daemon.client.containers.createExec(id, {
      Cmd: ["cat"],
      AttachStdin: true,
      AttachStdout: true,
    });
    const body = JSON.stringify({ Detach: false, Tty: false });
    const head = requestText(`POST /v1.45/exec/${exec.Id}/start`, body, {
      Connection: "Upgrade",
      Upgrade: "tcp",
    });
    const reply = await rawRequest(daemon.socketPath, `${head}input`, { end: true });
    expect(bodyOf(reply)).toBe("\x01\0\0\0\0\0\0\x05input");
    expect(await daemon.client.executions.inspect(exec.Id)).toMatchObject({
      Running: false,
      ExitCode: 0,
      Pid: 0,
    });
  });

  test("it runs detached, resizes, and tells the exit code", async () => {
    await using daemon = await startDaemon();
    const { id } = await create(daemon, ["sleep", "60"]);
    await daemon.client.containers.start(id);
    const { Id } = await daemon.client.containers.createExec(id, { Cmd: ["exit", "9"], Tty: true });
    await daemon.client.executions.startDetached(Id);
    await daemon.client.executions.resize(Id, { columns: 80, rows: 24 });
    expect(daemon.engine.execs[0]?.process.resizes).toEqual([{ columns: 80, rows: 24 }]);
    expect((await daemon.client.executions.inspect(Id)).ExitCode).toBe(9);
  });

  test("why a command can't be executed comes in the stream, its exit code by inspect; detached it is an error", async () => {
    await using daemon = await startDaemon();
    const { id } = await create(daemon, ["sleep", "60"]);
    await daemon.client.containers.start(id);
    const make = () => daemon.client.containers.createExec(id, { Cmd: ["missing"], AttachStderr: true });
    const { Id } = await make();
    const attached = await daemon.client.executions.start(Id);
    expect(await readFrames(attached)).toBe('cannot execute "missing"\r\n');
    attached.duplex.destroy();
    expect((await daemon.client.executions.inspect(Id)).ExitCode).toBe(127);
    const other = await make();
    const starting = daemon.client.executions.startDetached(other.Id);
    await expect(starting).rejects.toMatchObject({ kind: "invalid", message: 'cannot execute "missing"' });
  });

  test("it is refused while the container does not run", async () => {
    await using daemon = await startDaemon();
    const { id } = await create(daemon, ["cat"]);
    const creating = daemon.client.containers.createExec(id, { Cmd: ["true"] });
    await expect(creating).rejects.toMatchObject({
      kind: "conflict",
      message: `container ${id} is not running`,
    });
  });
});
