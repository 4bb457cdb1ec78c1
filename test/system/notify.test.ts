import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { bindUnixSocket, openUnixSocket, receiveUnixMessage } from "../../src/linux/sockets/unix-message.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("--sdnotify conmon", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  test.each([
    ["a path", (): string => join(tare.directory, "notify")],
    ["an abstract name", (): string => `@tare-notify-${process.pid}`],
  ])("the engine tells a socket with %s that it runs, at each start", async (_, name) => {
    const path = name();
    using socket = openUnixSocket("datagram");
    bindUnixSocket(socket.fd, path);
    const heard = async (): Promise<string | undefined> => {
      for (let tries = 0; tries < 40; tries++) {
        const message = receiveUnixMessage(socket.fd, { mostBytes: 500 });
        if (message !== undefined) return Buffer.from(message.bytes).toString();
        await sleep(25);
      }
      return undefined;
    };
    const options = { env: { NOTIFY_SOCKET: path } };
    const script = 'echo "[$NOTIFY_SOCKET]"; sleep 1000';
    await tare.must(
      ["run", "-d", "--name", "told", "--sdnotify", "conmon", "busybox", "sh", "-c", script],
      options,
    );
    const pid = await tare.must(["inspect", "-f", "{{.State.Pid}}", "told"]);
    const keeper = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
    expect(await heard()).toBe(`MAINPID=${keeper}\nREADY=1\n`);
    expect(await tare.must(["logs", "told"])).toBe("[]");
    await tare.must(["restart", "-t", "0", "told"]);
    expect(await heard()).toMatch(/^MAINPID=\d+\nREADY=1\n$/);
    await tare.must(["rm", "-f", "told"]);
    await tare.must(["run", "--rm", "--sdnotify", "ignore", "busybox", "true"], options);
    await tare.must(["run", "--rm", "--sdnotify", "conmon", "busybox", "true"]);
    expect(receiveUnixMessage(socket.fd, { mostBytes: 500 })).toBeUndefined();
  });

  test("with --sdnotify healthy the engine tells it with the first check that succeeds, at each start", async () => {
    const path = join(tare.directory, "healthy");
    using socket = openUnixSocket("datagram");
    bindUnixSocket(socket.fd, path);
    const heard = (): string | undefined => {
      const message = receiveUnixMessage(socket.fd, { mostBytes: 500 });
      return message && Buffer.from(message.bytes).toString();
    };
    const check = "--health-interval 100ms --health-cmd".split(" ");
    await tare.must(
      [
        "run",
        "-d",
        "--name",
        "well",
        "--sdnotify",
        "healthy",
        ...check,
        "test -e /ok",
        "busybox",
        "sleep",
        "1000",
      ],
      { env: { NOTIFY_SOCKET: path } },
    );
    await tare.refused(["healthcheck", "run", "well"]);
    await tare.must(["wait", "--condition", "unhealthy", "well"]);
    expect(heard()).toBeUndefined();
    await tare.must(["exec", "well", "touch", "/ok"]);
    await tare.must(["wait", "--condition", "healthy", "well"]);
    expect(await poll(heard, { timeoutMs: 10_000, what: "hear of it" })).toMatch(/^MAINPID=\d+\nREADY=1\n$/);
    await tare.must(["healthcheck", "run", "well"]);
    expect(heard()).toBeUndefined();
    await tare.must(["restart", "-t", "0", "well"]);
    expect(await poll(heard, { timeoutMs: 10_000, what: "hear of it" })).toMatch(/^MAINPID=\d+\nREADY=1\n$/);
    await tare.must(["rm", "-f", "well"]);
  });

  test("nobody there is no reason not to run; words that can't be are refused", async () => {
    const options = { env: { NOTIFY_SOCKET: join(tare.directory, "absent") } };
    expect(await tare.must(["run", "--rm", "--sdnotify", "conmon", "busybox", "echo", "ran"], options)).toBe(
      "ran",
    );
    const wrong = await tare.tare(["run", "--sdnotify", "else", "busybox", "true"]);
    expect([wrong.status, wrong.stderr]).toEqual([
      125,
      expect.stringContaining("must be container, conmon, healthy or ignore"),
    ]);
    expect(await tare.refused(["run", "--sdnotify", "healthy", "busybox", "true"], options)).toContain(
      "the start notification of a healthy container needs a health check",
    );
    const relative = { env: { NOTIFY_SOCKET: "relative" } };
    const { status, stderr } = await tare.tare(["run", "--sdnotify", "conmon", "busybox", "true"], relative);
    expect([status, stderr]).toEqual([125, expect.stringContaining('invalid socket to notify "relative"')]);
  });
});
