import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("the daemon", () => {
  let tare: Installation;
  beforeEach(() => {
    tare = new Installation();
  });
  afterEach(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("is started by the first command, stopped by its own, and starts again at once", async () => {
    for (let turn = 0; turn < 5; turn++) {
      expect(await tare.must(["ps", "-q"])).toBe("");
      expect(tare.daemonPid()).toBeNumber();
      await tare.must(["daemon", "stop"]);
    }
    const stopped = await tare.tare(["daemon", "stop"]);
    expect(stopped.stdout + stopped.stderr).toMatch(/no daemon is running/);
  });

  test("of another build is replaced in place, and its containers go on", async () => {
    const id = await tare.must(["run", "-d", "--name", "goes-on", "hello", "/hello"]);
    const before = tare.daemonPid();
    const buildFile = `${tare.socket}.build`;
    expect(readFileSync(buildFile, "utf8")).toMatch(/^[0-9a-f]{12}$/);
    writeFileSync(buildFile, "0123456789ab");
    const listed = await tare.tare(["ps", "-aq", "--no-trunc"]);
    expect(listed.stderr).toMatch(
      /^tare: replacing the daemon of build 0123456789ab by build [0-9a-f]{12}; containers go on$/m,
    );
    expect(listed.stdout.trim()).toBe(id);
    expect(listed.status).toBe(0);
    expect(tare.daemonPid()).not.toBe(before as number);
  });

  test("lets go of its code when it has become idle, and goes on", async () => {
    await tare.must(["run", "--rm", "hello"]);
    const codeKb = (): number => {
      const smaps = readFileSync(`/proc/${tare.daemonPid()}/smaps`, "utf8");
      const code = smaps.split(/^(?=[\da-f]+-)/m).find((part) => /^\S+ r-xp .*\/tare$/m.test(part)) ?? "";
      return Number(/^Rss: +(\d+) kB$/m.exec(code)?.[1]);
    };
    const before = codeKb();
    await poll(() => (codeKb() < 0.8 * before ? true : undefined), {
      everyMs: 100,
      timeoutMs: 20_000,
      what: "see less of its code in memory",
    });
    await tare.must(["run", "--rm", "hello"]);
  });

  test("refuses a data root that another one serves, naming its process", async () => {
    await tare.must(["ps"]);
    const second = await tare.tare(["-H", `unix://${tare.directory}/other.sock`, "daemon"], {
      timeoutMs: 20_000,
    });
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(`process ${tare.daemonPid()} holds it`);
  });

  test("refuses a run root that another one has, naming its process, and changes nothing there", async () => {
    await tare.must(["run", "--rm", "hello"]);
    const pid = tare.daemonPid() as number;
    const prewarmed = join(tare.runRoot, "lib", "prewarmed-keeper");
    const sockets = await poll(() => socketsIn(prewarmed), {
      timeoutMs: 20_000,
      what: "see the prewarmed keeper",
    });
    for (const host of [tare.socket, join(tare.directory, "other.sock")]) {
      const roots = ["--data-root", join(tare.directory, "other"), "--run-root", tare.runRoot];
      const second = spawnSync(executable, [...roots, "-H", `unix://${host}`, "daemon"], {
        encoding: "utf8",
        timeout: 60_000,
      });
      expect(second.status).toBe(1);
      expect(second.stderr).toContain(`cannot open the run root "${tare.runRoot}": process ${pid} holds it`);
      expect(socketsIn(prewarmed)).toEqual(sockets);
    }
    expect(await tare.must(["run", "--rm", "hello"])).toContain("Hello");
    expect(tare.daemonPid()).toBe(pid);
  });

  test("does not take an environment variable for a wish to start a daemon", async () => {
    const asked = await tare.tare(["--run-root", tare.runRoot, "ps"], {
      env: { DOCKER_HOST: "unix:///no/such.sock" },
    });
    expect(asked.status).toBe(0); // a run root that is named comes first
    const alone = Bun.spawnSync([executable, "ps"], {
      env: { PATH: process.env["PATH"] ?? "", DOCKER_HOST: "unix:///no/such.sock" },
    });
    expect(alone.exitCode).toBe(1);
    expect(alone.stderr.toString()).toMatch(/cannot connect to the daemon at unix:\/\/\/no\/such\.sock/);
  });
});

/** Undefined when there is none. */
function socketsIn(directory: string): readonly string[] | undefined {
  const found = existsSync(directory)
    ? readdirSync(directory).filter((name) => /^\d+\.sock$/.test(name))
    : [];
  return found.length === 0 ? undefined : found;
}
