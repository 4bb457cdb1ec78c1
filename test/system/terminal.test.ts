import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";
import { TerminalSession } from "../support/terminal-session.ts";

// What cli-terminal.test.ts leaves: the ways in which a session can go wrong, and what a person does to it.
describe.skipIf(!isRoot)("a person at a terminal", () => {
  let tare: Installation;
  const open = (...argv: readonly string[]): TerminalSession =>
    new TerminalSession([executable, ...tare.globalFlags, ...argv]);
  const status = (name: string): Promise<string> => tare.must(["inspect", "-f", "{{.State.Status}}", name]);

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterEach(async () => {
    const ids = await tare.must(["ps", "-aq"]);
    if (ids !== "") await tare.must(["rm", "-f", ...ids.split("\n")]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  test("the size is right at the first instruction of run and exec, and before start -ai's", async () => {
    using session = open("run", "-it", "--name", "sized", "busybox", "stty", "size");
    await session.sees("33 99\r\n");
    expect(await session.finish()).toBe(0);
    using again = open("start", "-ai", "sized");
    await again.sees("33 99\r\n");
    expect(await again.finish()).toBe(0);
    await tare.must(["run", "-d", "--name", "host", "busybox", "sleep", "1000"]);
    using inside = open("exec", "-it", "host", "stty", "size");
    await inside.sees("33 99\r\n");
    expect(await inside.finish()).toBe(0);
  });

  test("what is typed is echoed once, by the container's terminal", async () => {
    using session = open("run", "-it", "--rm", "busybox", "sh", "-c", "echo READY; cat");
    await session.sees("READY");
    session.type("wörld ☃\r");
    await session.sees("wörld ☃\r\nwörld ☃\r\n");
    session.type("\x04");
    expect(await session.finish()).toBe(0);
    expect((await session.sees("STATUS=0")).split("wörld ☃").length - 1).toBe(2);
  });

  test("a large paste arrives whole", async () => {
    const text = Array.from({ length: 4000 }, (_, line) => `${line} `.padEnd(63, "paste ")).join("\r") + "\r";
    const script = `stty raw -echo; echo READY; head -c ${text.length} | md5sum; stty sane`;
    using session = open("run", "-it", "--rm", "busybox", "sh", "-c", script);
    await session.sees("READY");
    session.type(text);
    await session.sees(createHash("md5").update(text).digest("hex"));
    expect(await session.finish()).toBe(0);
  });

  test("the first of the detach keys alone goes to the program", async () => {
    using session = open(
      "run",
      "-it",
      "--rm",
      "busybox",
      "sh",
      "-c",
      "stty raw -echo; echo READY; head -c 3 | od -An -tx1",
    );
    await session.sees("READY");
    session.type("\x10a\x11");
    await session.sees("10 61 11");
    expect(await session.finish()).toBe(0);
  });

  test("detaching ends run and start -ai with 0, attach and exec with Docker's words and 1; the programs go on", async () => {
    const commands: readonly (readonly [number, ...string[]])[] = [
      [0, "run", "-it", "--name", "left", "busybox", "sh"],
      [1, "attach", "left"],
      [1, "exec", "-it", "left", "sh"],
    ];
    for (const [end, ...command] of commands) {
      using session = open(...command);
      await session.sees("# "); // attach has it drawn anew
      session.type("\x10\x11");
      expect(await session.finish()).toBe(end);
      expect((await session.sees("STATUS=")).includes("read escape sequence\r\n")).toBe(end === 1);
      expect(await status("left")).toBe("running");
    }
    expect((await tare.must(["exec", "left", "pidof", "sh"])).split(" ").length).toBe(2);
    await tare.must(["kill", "left"]);
    using session = open("start", "-ai", "--detach-keys", "ctrl-a,z", "left");
    await session.sees("# ");
    session.type("\x01z");
    expect(await session.finish()).toBe(0);
  });

  test("each key that makes a signal makes it inside", async () => {
    const script =
      'for s in INT QUIT TSTP; do trap "echo GOT-$s" $s; done; echo READY; while :; do sleep 0.05; done';
    using session = open("run", "-it", "--name", "keys", "busybox", "sh", "-c", script);
    await session.sees("READY");
    for (const [key, name] of [
      ["\x03", "INT"],
      ["\x1c", "QUIT"],
      ["\x1a", "TSTP"],
    ] as const) {
      session.type(key);
      await session.sees(`GOT-${name}`);
    }
    await tare.must(["kill", "keys"]);
    expect(await session.finish()).toBe(137);
  });

  test.each([
    ["kill", 137],
    ["rm", 137],
    ["stop", 143],
  ] as const)("the terminal is restored when another client says %s", async (verb, code) => {
    using session = open(
      "run",
      "-it",
      "--name",
      "victim",
      "busybox",
      "sh",
      "-c",
      "trap 'exit 143' TERM; echo READY; while :; do sleep 0.05; done",
    );
    await session.sees("READY");
    await tare.must(verb === "rm" ? ["rm", "-f", "victim"] : [verb, "victim"]);
    expect(await session.finish()).toBe(code);
  });

  test("the terminal is restored when the daemon is killed; the container goes on, and can be joined again", async () => {
    using session = open("run", "-it", "--name", "survivor", "busybox", "sh");
    await session.sees("# ");
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    expect(await session.finish()).toBe(125);
    expect(await session.sees("STATUS")).toMatch(
      /tare: cannot follow container [0-9a-f]{12} any longer: the connection to the daemon is lost; the container keeps running\r\n/,
    );
    expect(await status("survivor")).toBe("running");
    using again = open("attach", "survivor");
    await again.sees("# ");
    again.type("exit 8\r");
    expect(await again.finish()).toBe(8);
  });

  test("the terminal is restored when the daemon is killed during exec and attach", async () => {
    await tare.must(["run", "-d", "-it", "--name", "both", "busybox", "sh"]);
    for (const command of [
      ["exec", "-it", "both", "sh"],
      ["attach", "both"],
    ]) {
      using session = open(...command);
      await session.sees("# ");
      process.kill(tare.daemonPid() ?? 0, "SIGKILL");
      expect(await session.finish()).toBeGreaterThan(0);
      expect(await session.sees("STATUS")).toMatch(/tare: cannot [^\n]+\r\n/);
      expect(await status("both")).toBe("running");
    }
  });

  test.each([
    ["run", "SIGINT", 130],
    ["run", "SIGQUIT", 131],
    ["exec", "SIGTERM", 143],
    ["attach", "SIGHUP", 129],
  ] as const)(
    "%s: %s to the client restores the terminal and leaves the container",
    async (verb, signal, code) => {
      if (verb !== "run") await tare.must(["run", "-d", "-it", "--name", "stays", "busybox", "sh"]);
      const rest = {
        run: ["-it", "--name", "stays", "busybox", "sh"],
        exec: ["-it", "stays", "sh"],
        attach: ["stays"],
      };
      using session = open(verb, ...rest[verb]);
      await session.sees("# ");
      process.kill(await session.pid(), signal);
      expect(await session.finish()).toBe(code);
      expect(await status("stays")).toBe("running");
    },
  );

  test.each([
    ["an image that is not there", ["-it", "nosuch:1", "sh"], 125],
    ["a program that is not there", ["-it", "busybox", "no-such-program"], 127],
    ["what can't be executed", ["-it", "busybox", "/etc"], 126],
    ["a user that is not there", ["-it", "-u", "nosuch", "busybox", "sh"], 125],
    ["a limit that can't be", ["-it", "-m", "1k", "busybox", "sh"], 125],
  ] as const)("%s is one sentence, and the terminal is as it was", async (_, args, code) => {
    using session = open("run", "--rm", ...args);
    expect(await session.finish()).toBe(code);
    const said = (await session.sees("STATUS")).split("\n").filter((line) => line.startsWith("tare: "));
    expect(said.length).toBe(1);
  });

  test("a new size reaches exec and attach", async () => {
    const script = "trap 'echo NEW $(stty size)' WINCH; echo READY; while :; do sleep 0.05; done";
    await tare.must(["run", "-d", "-it", "--name", "grows", "busybox", "sh", "-c", script]);
    for (const [command, ready, size] of [
      [["exec", "-it", "grows", "sh", "-c", script], "READY", "41 121"],
      [["attach", "grows"], "NEW 33 99", "42 122"],
    ] as const) {
      using session = open(...command);
      await session.sees(ready);
      const [rows = "", columns = ""] = size.split(" ");
      spawnSync("stty", ["-F", await session.tty(), "rows", rows, "cols", columns]);
      await session.sees(`NEW ${size}`);
      session.type("\x10\x11");
      expect(await session.finish()).toBe(1);
    }
  });

  test("-t without a terminal is refused before anything is made, in Docker's words", async () => {
    for (const args of [
      ["run", "-it", "--name", "none", "busybox", "sh"],
      ["exec", "-it", "none", "sh"],
    ]) {
      expect(await tare.tare(args)).toEqual({
        status: 1,
        stdout: "",
        stderr: "tare: the input device is not a TTY\n",
      });
    }
    await tare.must(["run", "-d", "-it", "--name", "some", "busybox", "sh"]);
    expect((await tare.tare(["attach", "some"])).stderr).toBe("tare: the input device is not a TTY\n");
    expect((await tare.tare(["inspect", "no-such-thing"])).status).toBe(1);
  });

  test("-t alone gives the program a terminal and reads no input", async () => {
    using session = open(
      "run",
      "-t",
      "--rm",
      "busybox",
      "sh",
      "-c",
      "echo INSIDE $(tty); sleep 0.3; echo ENDED",
    );
    await session.sees(/INSIDE \/dev\/pts\/0\r+\n/);
    session.type("typed ahead\r");
    await session.sees("ENDED");
    expect(await session.finish()).toBe(0);
  });
});
