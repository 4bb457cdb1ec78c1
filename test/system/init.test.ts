import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openKeeperProgram } from "../../src/runtime/keeper-program.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot, repository } from "../support/tare.ts";

const F_GET_SEALS = 1034;

describe.skipIf(!isRoot)("--init", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const run = (...args: string[]) => tare.tare(["run", "--rm", "--init", ...args]);
  const inspect = (name: string, format: string) => tare.must(["inspect", "--format", format, name]);

  test("is the first process, with the command below it", async () => {
    await tare.must(["run", "-d", "--init", "--name", "shown", "busybox", "sleep", "1000"]);
    expect(await tare.must(["exec", "shown", "ps", "-o", "pid,ppid,args"])).toMatch(
      /^ *1 +0 tare-init -- sleep 1000\n +2 +1 sleep 1000\n/m,
    );
    expect(await inspect("shown", "{{.HostConfig.Init}}")).toBe("true");
    await tare.must(["rm", "-f", "shown"]);
  });

  test("ends as the command does: status, signal, not there, not to be executed", async () => {
    expect((await run("busybox", "sh", "-c", "exit 7")).status).toBe(7);
    expect((await run("busybox", "sh", "-c", "kill -9 $$")).status).toBe(137);
    expect(await run("busybox", "nope")).toMatchObject({
      status: 127,
      stderr: "tare-init: cannot execute nope: no such file or directory\n",
    });
    expect(await run("busybox", "/etc")).toMatchObject({
      status: 126,
      stderr: "tare-init: cannot execute /etc: permission denied\n",
    });
    expect(await run("-e", "PATH=/nowhere::/bin", "busybox", "echo", "found")).toMatchObject({
      status: 0,
      stdout: "found\n",
    });
  });

  test("reaps orphans, which would stay without it", async () => {
    const zombies = "grep -c 'State:.Z' /proc/[0-9]*/status | grep -c ':1$' || true";
    for (const [flags, left] of [
      [["--init"], "0"],
      [[], "1"],
    ] as const) {
      await tare.must(["run", "-d", ...flags, "--name", "parent", "busybox", "sleep", "1000"]);
      await tare.must(["exec", "parent", "sh", "-c", "mkdir -p /tmp; (sleep 0.05 &) ; true"]);
      const seen = await poll(
        async () => {
          const found = await tare.must(["exec", "parent", "sh", "-c", zombies]);
          const alive = await tare.must(["exec", "parent", "sh", "-c", "pgrep -f 'sleep 0.05' || true"]);
          return alive === "" || found !== "0" ? found : undefined;
        },
        { timeoutMs: 10_000, what: "see the orphan end" },
      );
      expect(seen).toBe(left);
      await tare.must(["rm", "-f", "parent"]);
    }
  });

  test("passes signals on: stop ends a command that would ignore it as the first process", async () => {
    await tare.must(["run", "-d", "--init", "--name", "stopped", "busybox", "sleep", "1000"]);
    await tare.must(["stop", "-t", "60", "stopped"]);
    expect(await inspect("stopped", "{{.State.ExitCode}}")).toBe("143");
    await tare.must(["rm", "stopped"]);
    const script = "trap 'echo usr1; exit 3' USR1; echo ready; while :; do usleep 10000; done";
    await tare.must(["run", "-d", "--init", "--name", "told", "busybox", "sh", "-c", script]);
    await poll(async () => ((await tare.must(["logs", "told"])) === "ready" ? true : undefined), {
      timeoutMs: 10_000,
      what: "see the trap set",
    });
    await tare.must(["kill", "-s", "USR1", "told"]);
    expect(await tare.must(["wait", "told"])).toBe("3");
    expect(await tare.must(["logs", "told"])).toBe("ready\nusr1");
    await tare.must(["rm", "told"]);
  });

  test("gives the command the terminal's foreground", async () => {
    const { stdout } = await run(
      "-t",
      "busybox",
      "sh",
      "-c",
      "cut -d' ' -f5,8 /proc/self/stat; cut -d' ' -f1,5,8 /proc/$$/stat",
    );
    const [, shell = ""] = stdout.trim().split(/\r?\n/);
    const [pid, group, foreground] = shell.split(" ");
    expect([group, foreground]).toEqual([pid, pid]);
  });

  test("with the host's processes it is no pid 1, and still reaps and ends", async () => {
    expect((await run("--pid", "host", "busybox", "sh", "-c", "(true &); exit 5")).status).toBe(5);
  });

  test("the container cannot write to what its init was executed from", async () => {
    await tare.must(["run", "-d", "--init", "--privileged", "--name", "sealed", "busybox", "sleep", "1000"]);
    const pid = await inspect("sealed", "{{.State.Pid}}");
    const before = readFileSync(`/proc/${pid}/exe`);
    for (const script of [
      "echo evil > /proc/1/exe",
      "echo evil >> /proc/1/exe",
      "exec 3</proc/1/exe; echo evil > /proc/self/fd/3",
      "truncate -s 0 /proc/1/exe",
    ]) {
      const { status, stderr } = await tare.tare(["exec", "sealed", "sh", "-c", script]);
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/Text file busy|Operation not permitted|Permission denied|Read-only/);
    }
    expect(readFileSync(`/proc/${pid}/exe`).equals(before)).toBe(true);
    using exe = new OwnedFd(call("openat", -100, `/proc/${pid}/exe`, 0, 0));
    expect(call("fcntl", exe.fd, F_GET_SEALS)).toBe(0xf);
    await tare.must(["rm", "-f", "sealed"]);
  });

  test("openKeeperProgram() gives an init that cannot be written to without executable memory files either", () => {
    const before = process.env["TARE_WITHOUT"];
    process.env["TARE_WITHOUT"] = "memfd-exec";
    try {
      using program = openKeeperProgram(join(repository, "native/build/keeper.elf"));
      using init = program.openInit();
      const path = `/proc/${process.pid}/fd/${init.fd}`;
      expect(spawnSync(path, ["--", "sh", "-c", "exit 4"], { argv0: "tare-init" }).status).toBe(4);
      expect(() => openSync(path, "r+")).toThrow("EROFS");
      expect(() => openSync(path, "a")).toThrow("EROFS");
    } finally {
      if (before === undefined) delete process.env["TARE_WITHOUT"];
      else process.env["TARE_WITHOUT"] = before;
    }
  });

  test("holds no descriptor of the engine", async () => {
    const { stdout } = await run("busybox", "sh", "-c", "ls /proc/1/fd; ls /proc/self/fd");
    expect(stdout.trim().split("\n")).toEqual(["0", "1", "2", "0", "1", "2", "3"]);
  });
});
