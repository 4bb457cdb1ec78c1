import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation } from "../support/tare.ts";
import { TerminalSession } from "../support/terminal-session.ts";

describe("a terminal of the command line", () => {
  let installation: Installation;
  const open = (...argv: readonly string[]): TerminalSession =>
    new TerminalSession([executable, ...installation.globalFlags, ...argv]);

  beforeAll(async () => {
    installation = new Installation();
    await installation.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await installation[Symbol.asyncDispose]());

  test("run -it gives the shell a terminal of our size, passes its status on and restores ours", async () => {
    using session = open("run", "-it", "--rm", "busybox", "sh");
    await session.sees("# ");
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
    session.type("stty size; exit 9\r");
    await session.sees("33 99");
    expect(await session.finish()).toBe(9);
    using missing = open("exec", "-it", "busy", "nope");
    expect(await missing.finish()).toBe(127);
    await installation.must(["rm", "-f", "busy"]);
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
