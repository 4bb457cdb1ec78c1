import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation, launcher } from "../support/tare.ts";
import { TerminalSession } from "../support/terminal-session.ts";

describe.each([
  ["the main binary", executable],
  ["the launcher", launcher],
])("a terminal of %s", (_, program) => {
  let installation: Installation;
  const open = (...argv: readonly string[]): TerminalSession =>
    new TerminalSession([program, ...installation.globalFlags, ...argv]);

  beforeAll(async () => {
    installation = new Installation();
    await installation.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await installation[Symbol.asyncDispose]());

  test("run -it gives the shell a terminal of our size, passes its status on and restores ours", async () => {
    using session = open("run", "-it", "--rm", "busybox", "sh");
    await session.sees("# ");
    expect(readlinkSync(`/proc/${await session.pid()}/exe`)).toBe(program);
    session.type("stty size; echo TERM=$TERM\r");
    const seen = await session.sees("TERM=xterm");
    expect(seen).toContain("33 99\r\n");
    expect(seen).not.toContain("\r\r\n"); // what the program prints comes as it is
    session.type("exit 5\r");
    expect(await session.finish()).toBe(5);
  });

  test("ps says in a few words from where ports can be reached, port lists the interfaces", async () => {
    const links = ["rch0", "rch1", "rch2"];
    const ip = (...args: readonly string[]): void => {
      const { status, stderr } = spawnSync("ip", [...args], { encoding: "utf8" });
      expect([args, status, stderr]).toEqual([args, 0, ""]);
    };
    try {
      for (const [index, link] of links.entries()) {
        ip("link", "add", link, "type", "veth", "peer", "name", `${link}p`);
        ip("address", "add", `10.201.${index}.1/24`, "dev", link);
        ip("link", "set", link, "up");
      }
      await installation.must([
        "run",
        "-d",
        "--name",
        "reached",
        "-p",
        "18431:80",
        "busybox",
        "sleep",
        "1000",
      ]);
      using ps = open("ps");
      expect(await ps.finish()).toBe(0);
      const row = await ps.sees("18431->80/tcp (from anywhere)");
      expect(row).not.toContain("rch");
      using port = open("port", "reached");
      expect(await port.finish()).toBe(0);
      for (const link of links) await port.sees(link);
    } finally {
      await installation.tare(["rm", "-f", "reached"]);
      for (const link of links) spawnSync("ip", ["link", "delete", link]);
    }
  });

  test("a new size of the terminal reaches the container", async () => {
    using session = open("run", "-it", "--rm", "busybox", "sh");
    await session.sees("# ");
    spawnSync("stty", ["-F", await session.tty(), "rows", "40", "cols", "120"]);
    for (let tries = 0; tries < 50; tries++) {
      session.type("stty size\r");
      await Bun.sleep(50);
      if ((await session.sees("stty")).includes("40 120")) break;
    }
    await session.sees("40 120");
    session.type("exit\r");
    expect(await session.finish()).toBe(0);
  });

  test("control-c goes to the program, not to us", async () => {
    using session = open(
      "run",
      "-it",
      "--rm",
      "busybox",
      "sh",
      "-c",
      "trap 'echo CAUGHT; exit 6' INT; echo READY; while :; do sleep 0.1; done",
    );
    await session.sees("READY");
    session.type("\x03");
    await session.sees("CAUGHT");
    expect(await session.finish()).toBe(6);
  });

  test("the detach keys leave the container running; attach joins it again, with other keys", async () => {
    {
      using session = open("run", "-it", "--name", "kept", "busybox", "sh");
      await session.sees("# ");
      session.type("echo one\x10\x11");
      expect(await session.finish()).toBe(0);
      expect(await session.sees("STATUS=0")).not.toContain("read escape sequence");
    }
    expect(await installation.must(["inspect", "-f", "{{.State.Status}}", "kept"])).toBe("running");
    {
      using session = open("attach", "--detach-keys", "ctrl-x,y", "kept");
      await session.pid();
      session.type("\r");
      await session.sees("one"); // what was typed before detaching is there
      session.type("\x10\x11 still here\r\x18");
      session.type("y");
      expect(await session.finish()).toBe(1);
      await session.sees("read escape sequence");
    }
    {
      using session = open("attach", "kept");
      await session.pid();
      session.type("\rexit 3\r");
      expect(await session.finish()).toBe(3);
    }
    {
      using session = open("start", "-ai", "kept");
      await session.sees("# ");
      session.type("exit 4\r");
      expect(await session.finish()).toBe(4);
    }
    await installation.must(["rm", "kept"]);
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s ends us with the terminal restored, and the container goes on", async (signal, status) => {
    using session = open("run", "-it", "--name", "on", "busybox", "sh");
    await session.sees("# ");
    process.kill(await session.pid(), signal);
    expect(await session.finish()).toBe(status);
    expect(await installation.must(["inspect", "-f", "{{.State.Status}}", "on"])).toBe("running");
    await installation.must(["rm", "-f", "on"]);
  });

  test("exec -it has a terminal of our size, and its own status", async () => {
    await installation.must(["run", "-d", "--name", "busy", "busybox", "sleep", "1000"]);
    using session = open("exec", "-it", "busy", "sh");
    await session.sees("# ");
    expect(readlinkSync(`/proc/${await session.pid()}/exe`)).toBe(program);
    session.type("stty size\r");
    await session.sees("33 99");
    spawnSync("stty", ["-F", await session.tty(), "rows", "41", "cols", "121"]);
    for (let tries = 0; tries < 50; tries++) {
      session.type("stty size\r");
      await Bun.sleep(50);
      if ((await session.sees("stty")).includes("41 121")) break;
    }
    session.type("exit 9\r");
    await session.sees("41 121");
    expect(await session.finish()).toBe(9);
    using left = open("exec", "-it", "busy", "sh");
    await left.sees("# ");
    left.type("\x10\x11");
    expect(await left.finish()).toBe(1);
    await left.sees("read escape sequence");
    using missing = open("exec", "-it", "busy", "nope");
    expect(await missing.finish()).toBe(127);
    await installation.must(["rm", "-f", "busy"]);
  });

  test("the terminal is restored when the daemon is lost; the container goes on", async () => {
    await using other = new Installation();
    await other.must(["load", "-i", busyboxArchive()]);
    using session = new TerminalSession([
      program,
      ...other.globalFlags,
      "run",
      "-it",
      "--name",
      "on",
      "busybox",
      "sh",
    ]);
    await session.sees("# ");
    await killDaemon(other);
    expect(await session.finish()).toBe(125);
    await session.sees("the connection to the daemon is lost; the container keeps running\r\n");
    await other.must(["rm", "-f", "on"]);
  });

  test("-i without a terminal is refused before anything is made", async () => {
    for (const words of [
      ["run", "-it", "--name", "none", "busybox", "sh"],
      ["exec", "-it", "none", "sh"],
    ]) {
      const { status, stderr } = spawnSync(program, [...installation.globalFlags, ...words], {
        input: "",
        encoding: "utf8",
      });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringContaining("the input device is not a TTY"),
      });
    }
    expect(await installation.must(["ps", "-aq", "--filter", "name=none"])).toBe("");
  });

  test("-t without -i has a terminal, and reads nothing of ours", async () => {
    using session = open(
      "run",
      "-t",
      "--rm",
      "busybox",
      "sh",
      "-c",
      "tty; stty size; read -t 1 LINE; echo GOT=$LINE.",
    );
    session.type("typed\r");
    await session.sees("GOT=.");
    await session.sees("33 99");
    expect(await session.finish()).toBe(0);
  });

  test("in the background a container has a terminal, too", async () => {
    const { status, stdout } = spawnSync(
      program,
      [...installation.globalFlags, "run", "-dit", "busybox", "sh"],
      { encoding: "utf8" },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^[0-9a-f]{64}\n$/) });
    const id = stdout.trim();
    expect(
      await installation.must([
        "inspect",
        "-f",
        "{{.Config.Tty}} {{.Config.OpenStdin}} {{.State.Running}}",
        id,
      ]),
    ).toBe("true true true");
    await installation.must(["rm", "-f", id]);
  });

  test("the terminal is restored when the program can't be started", async () => {
    using session = open("run", "-it", "--rm", "busybox", "nope");
    expect(await session.finish()).toBe(127);
  });

  test("without a terminal of the container, control-c is passed on as a signal", async () => {
    using session = open(
      "run",
      "--rm",
      "busybox",
      "sh",
      "-c",
      "trap 'echo CAUGHT; exit 8' INT; echo READY; while :; do sleep 0.1; done",
    );
    await session.sees("READY");
    session.type("\x03");
    await session.sees("CAUGHT");
    expect(await session.finish()).toBe(8);
  });
});
