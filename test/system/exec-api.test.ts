import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { encodeFrame } from "../../src/spec/stream-frames.ts";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("execs of the API", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["run", "-d", "--name", "box", "busybox", "sleep", "1000"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  async function create(command: readonly string[], more: object = {}): Promise<string> {
    const body = { Cmd: command, AttachStdout: true, AttachStderr: true, ...more };
    const { text } = await askApi(tare.socket, "POST", "/containers/box/exec", body);
    return (JSON.parse(text) as { readonly Id: string }).Id;
  }

  /** Takes over the connection, sends the input, half-closes and returns what comes behind the head. */
  async function start(id: string, body: object, input: Uint8Array = Buffer.alloc(0)): Promise<Buffer> {
    const client = connect({ path: tare.socket, allowHalfOpen: true });
    const pieces: Buffer[] = [];
    client.on("data", (piece) => pieces.push(piece));
    const json = JSON.stringify(body);
    const fields = ["Host: tare", "Connection: Upgrade", "Upgrade: tcp", "Content-Type: application/json"];
    const head = [`POST /exec/${id}/start HTTP/1.1`, ...fields, `Content-Length: ${json.length}`, "", json];
    client.write(head.join("\r\n"));
    await once(client, "data");
    client.end(input);
    await once(client, "end");
    const all = Buffer.concat(pieces);
    expect(all.toString("latin1", 0, 13)).toBe("HTTP/1.1 101 ");
    return all.subarray(all.indexOf("\r\n\r\n") + 4);
  }

  async function inspect(id: string): Promise<Readonly<Record<string, unknown>>> {
    const { text } = await askApi(tare.socket, "GET", `/exec/${id}/json`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  test("are framed as the start says, whatever the creation has said", async () => {
    const command = ["sh", "-c", "echo out; sleep 0.05; echo err >&2"];
    expect(await start(await create(command), { Tty: false })).toEqual(
      Buffer.concat([
        encodeFrame("stdout", Buffer.from("out\n")),
        encodeFrame("stderr", Buffer.from("err\n")),
      ]),
    );
    expect((await start(await create(command), { Tty: true })).toString()).toBe("out\n");
    expect((await start(await create(command, { Tty: true }), { Tty: true })).toString()).toBe(
      "out\r\nerr\r\n",
    );
    expect(await start(await create(["echo", "out"], { Tty: true }), {})).toEqual(
      encodeFrame("stdout", Buffer.from("out\r\n")),
    );
  });

  test("keep the pid of an ended process, and run once", async () => {
    const id = await create(["sh", "-c", "echo $$; exit 7"], { DetachKeys: "ctrl-a,x" });
    expect(await inspect(id)).toMatchObject({ Running: false, ExitCode: null, Pid: 0, DetachKeys: "AXg=" });
    await start(id, {});
    const ended = await inspect(id);
    expect(ended).toMatchObject({ Running: false, ExitCode: 7, CanRemove: false, DetachKeys: "AXg=" });
    expect(Number(ended["Pid"])).toBeGreaterThan(1);
    const again = await askApi(tare.socket, "POST", `/exec/${id}/start`, { Detach: true });
    expect(again).toMatchObject({
      status: 409,
      text: expect.stringContaining(`exec command ${id} has already run`),
    });
    const slow = await create(["sleep", "100"]);
    await askApi(tare.socket, "POST", `/exec/${slow}/start`, { Detach: true });
    expect((await askApi(tare.socket, "POST", `/exec/${slow}/start`, { Detach: true })).text).toContain(
      `exec command ${slow} is already running`,
    );
  });

  test("and attaches are refused in a paused container", async () => {
    const id = await create(["true"]);
    await tare.must(["pause", "box"]);
    for (const path of [
      "/containers/box/attach?stream=1&stdout=1",
      "/containers/box/exec",
      `/exec/${id}/start`,
    ]) {
      const { status, text } = await askApi(tare.socket, "POST", path, { Cmd: ["true"] });
      expect([status, text]).toEqual([
        409,
        expect.stringMatching(/ontainer \w+ is paused, unpause the container before /),
      ]);
    }
    await tare.must(["unpause", "box"]);
  });

  test("for a user that the container does not have are created, and fail at the start", async () => {
    const words = "unable to find user nope: no matching entries in passwd file";
    const id = await create(["true"], { User: "nope" });
    expect(await start(id, {})).toEqual(encodeFrame("stderr", Buffer.from(`${words}\r\n`)));
    expect(await inspect(id)).toMatchObject({ Running: false, ExitCode: 126 });
    const other = await create(["true"], { User: "nope" });
    const refused = await askApi(tare.socket, "POST", `/exec/${other}/start`, { Detach: true });
    expect([refused.status, JSON.parse(refused.text)]).toEqual([400, { message: words }]);
  });

  test("with keys to detach that are none are refused in dockerd's words", async () => {
    for (const [path, message] of [
      ["/containers/box/exec", "Invalid escape keys (ctrl-1) provided"],
      ["/containers/box/attach?stream=1&detachKeys=ctrl-1", "Invalid detach keys (ctrl-1) provided"],
    ] as const) {
      const body = { Cmd: ["true"], DetachKeys: "ctrl-1" };
      const { status, text } = await askApi(tare.socket, "POST", path, body);
      expect([status, JSON.parse(text)]).toEqual([400, { message }]);
    }
  });

  test("lose no byte of an input that is half-closed, many at once", async () => {
    const input = Buffer.alloc(100_000, "0123456789abcdef\n");
    const framed = (bytes: Buffer): string => {
      const parts: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = at + 8 + bytes.readUInt32BE(at + 4);
        parts.push(bytes.subarray(at + 8, end));
        at = end;
      }
      return Buffer.concat(parts).toString();
    };
    const copy = async (): Promise<boolean> => {
      const id = await create(["cat"], { AttachStdin: true });
      return framed(await start(id, {}, input)) === input.toString();
    };
    const whole = await Promise.all(Array.from({ length: 50 }, copy));
    expect(whole.filter((each) => !each)).toEqual([]);
  });
});
