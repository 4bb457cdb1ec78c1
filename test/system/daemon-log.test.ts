import { describe, expect, test } from "bun:test";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const head = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:debug|info|warning|error) /;

describe.skipIf(!isRoot)("the daemon's log", () => {
  test("has a time and a level in every line", async () => {
    await using tare = new Installation();
    await tare.must(["ps"]);
    expect(tare.daemonLog()).toMatch(/^\S+ info serving at unix:/m);
    await tare.must(["daemon", "stop"]);
    // A start that fails: the client prints the reason without time and level.
    const stderr = await tare.refused(["--debug", "--storage-driver", "none", "ps"]);
    expect(stderr).toMatch(/^tare: cannot start the daemon: cannot /);
    expect(tare.daemonLog()).toMatch(/^\S+ debug /m);
    const lines = tare.daemonLog().trimEnd().split("\n");
    expect(lines.filter((line) => !head.test(line))).toEqual([]);
  });

  test("has no uncaught exception after starts that fail", async () => {
    await using tare = new Installation();
    for (let at = 0; at < 40; at++) await tare.refused(["run", "--rm", "-w", "/proc/self/fd/9", "hello"]);
    expect(tare.daemonLog()).not.toContain("uncaught exception");
  });

  test("shows an exception that no code caught; the daemon goes on, and the installation's end fails the test", async () => {
    const tare = new Installation();
    const thrower = { env: { TARE_FAULT: "create.recorded:1:THROW" } };
    await tare.must(["ps"], thrower);
    const pid = tare.daemonPid();
    await tare.must(["create", "hello"]);
    await poll(
      () => tare.daemonLog().includes("error uncaught exception: fault at create.recorded") || undefined,
      {
        timeoutMs: 20_000,
        what: "see the exception in the log",
      },
    );
    expect(await tare.must(["run", "--rm", "hello"])).toContain("Hello");
    expect(tare.daemonPid()).toBe(pid as number);
    const lines = tare.daemonLog().trimEnd().split("\n");
    expect(lines.filter((line) => !head.test(line))).toEqual([]);
    expect(tare[Symbol.asyncDispose]()).rejects.toThrow(/fault at create\.recorded/);
  });
});
