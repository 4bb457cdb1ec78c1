import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isGone, isRoot, waitUntilEmpty } from "../support/tare.ts";

describe.skipIf(!isRoot)("what must hold", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("containers survive kill -9 of the daemon, with every log line and exit code", async () => {
    const lines = 400;
    const names = Array.from({ length: 20 }, (_, i) => `survivor-${i}`);
    // The first half goes on writing after the kill and ends meanwhile with its own code; the rest runs on.
    await Promise.all(
      names.map((name, i) =>
        tare.must([
          "run",
          "-d",
          "--name",
          name,
          "busybox",
          "sh",
          "-c",
          `for i in $(seq ${lines}); do echo line $i; usleep 3000; done; ${i < 10 ? `exit ${i + 1}` : "exec sleep 1000"}`,
        ]),
      ),
    );
    const daemon = tare.daemonPid();
    expect(daemon).toBeNumber();
    process.kill(daemon as number, "SIGKILL");
    await poll(() => (tare.keeperPids().length === 10 ? true : undefined), {
      timeoutMs: 20_000,
      what: "see the first half end",
    });
    const all = JSON.parse(await tare.must(["inspect", ...names])) as {
      Name: string;
      State: { Running: boolean; ExitCode: number; Pid: number };
    }[];
    expect(all).toHaveLength(20);
    for (const [i, { State: state }] of all.entries()) {
      expect({ i, running: state.Running, code: state.ExitCode }).toEqual({
        i,
        running: i >= 10,
        code: i < 10 ? i + 1 : 0,
      });
    }
    const wanted = Array.from({ length: lines }, (_, i) => `line ${i + 1}`).join("\n");
    for (const name of names) expect(await tare.must(["logs", name])).toBe(wanted);
    expect(await tare.must(["exec", "survivor-15", "echo", "still", "there"])).toBe("still there");
    await tare.must(["rm", "-f", ...names]);
  });

  test("a killed keeper takes its container along", async () => {
    const id = await tare.must([
      "run",
      "-d",
      "--name",
      "orphan",
      "busybox",
      "sh",
      "-c",
      "sleep 1000 & sleep 1000",
    ]);
    const pid = Number(await tare.must(["inspect", "--format", "{{.State.Pid}}", id]));
    const [keeper] = tare.keeperPids();
    process.kill(keeper as number, "SIGKILL");
    expect(await tare.must(["wait", id])).toBe("137");
    expect(isGone(pid)).toBe(true);
    expect(await tare.must(["inspect", "--format", "{{.State.Status}} {{.State.Error}}", id])).toMatch(
      /^exited .*keeper/,
    );
    await tare.must(["rm", id]);
  });

  test("50 runs at once all succeed, and ps does not wait for them", async () => {
    const runs = Array.from({ length: 50 }, (_, i) =>
      tare.tare(["run", "--rm", "busybox", "sh", "-c", `echo run ${i}; exit ${i % 3}`]),
    );
    const listed = await tare.tare(["ps"]);
    expect(listed.status).toBe(0);
    for (const [i, finished] of (await Promise.all(runs)).entries()) {
      expect(finished).toEqual({ status: i % 3, stdout: `run ${i}\n`, stderr: "" });
    }
    await tare.must(["system", "settle"]);
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("50 clients at once start one daemon", async () => {
    await tare.must(["daemon", "stop"]);
    const finished = await Promise.all(Array.from({ length: 50 }, () => tare.tare(["ps", "-q"])));
    expect(finished.filter(({ status, stderr }) => status !== 0 || stderr !== "")).toEqual([]);
    expect(
      tare
        .daemonLog()
        .split("\n")
        .filter((line) => line.includes("serving at")).length,
    ).toBeLessThanOrEqual(3);
  });

  const mistakes: readonly (readonly [
    name: string,
    args: readonly string[],
    status: number,
    says: RegExp,
  ])[] = [
    ["an unknown flag", ["run", "--no-such", "busybox"], 125, /unknown flag: --no-such/],
    ["an unknown command", ["fly"], 1, /unknown command: tare fly/],
    ["a missing image", ["run", "--rm", "nosuch:1"], 125, /nosuch:1/],
    ["a reference that is none", ["run", "--rm", "UPPER case"], 125, /invalid reference format/],
    ["a limit that is impossible", ["run", "--rm", "-m", "1k", "busybox", "true"], 125, /6MB/],
    [
      "a command that is not there",
      ["run", "--rm", "busybox", "no-such-program"],
      127,
      /"no-such-program".*not found/,
    ],
    [
      "a command that cannot be executed",
      ["run", "--rm", "busybox", "/etc"],
      126,
      /"\/etc".*permission denied/,
    ],
    [
      "a GPU that no specification has",
      ["run", "--rm", "--gpus", "driver=no-such", "busybox", "true"],
      125,
      /could not select device driver "no-such" with capabilities: \[\[gpu\]\]/,
    ],
    ["a container that is not there", ["stop", "no-such-container"], 1, /no-such-container/],
    ["an unknown user", ["run", "--rm", "-u", "nobody-here", "busybox", "true"], 125, /nobody-here/],
    ["an unknown capability", ["run", "--rm", "--cap-add", "FLY", "busybox", "true"], 125, /FLY/],
    ["a bad signal", ["kill", "-s", "SIGNOPE", "x"], 1, /SIGNOPE|No such container/],
  ];
  for (const [name, args, status, says] of mistakes) {
    test(`${name} is one clear sentence and leaves nothing`, async () => {
      const finished = await tare.tare(args);
      expect(finished.stderr).toMatch(says);
      expect(finished.status).toBe(status);
      expect(finished.stderr).not.toMatch(/\bat .*\.ts:\d+|Error:|\[object/);
      await tare.must(["system", "settle"]);
      expect(await tare.must(["ps", "-aq"])).toBe("");
      expect(await waitUntilEmpty(() => tare.cgroups())).toEqual([]);
    });
  }

  test("a name conflict names the holder and leaves the first alone", async () => {
    const id = await tare.must(["create", "--name", "taken", "busybox", "true"]);
    const second = await tare.tare(["create", "--name", "taken", "busybox", "true"]);
    expect(second.status).toBe(1); // as docker create
    expect(second.stderr).toContain(id);
    expect(await tare.must(["ps", "-aq", "--no-trunc"])).toBe(id);
    await tare.must(["rm", "taken"]);
  });

  test("a malformed archive is refused and nothing of it is kept", async () => {
    const before = await tare.must(["images", "-q"]);
    const path = join(tare.directory, "bad.tar");
    writeFileSync(path, Buffer.alloc(70_000, "not a tar"));
    const finished = await tare.tare(["load", "-i", path]);
    expect(finished.status).toBe(1);
    expect(finished.stderr).toMatch(/^tare: .+/);
    expect(await tare.must(["images", "-q"])).toBe(before);
  });
});
