import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive, busyboxRootfsTar, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: readonly { readonly ExitCode: number; readonly Output: string; readonly Start: string }[];
}

describe.skipIf(!isRoot)("health checks", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const healthOf = async (name: string): Promise<Health | null> =>
    JSON.parse(await tare.must(["inspect", "-f", "{{json .State.Health}}", name])) as Health | null;
  /** The health as soon as it is as wanted. */
  const until = async (name: string, isWanted: (health: Health) => boolean): Promise<Health> =>
    await poll(
      async () => {
        const health = await healthOf(name);
        return health !== null && isWanted(health) ? health : undefined;
      },
      { timeoutMs: 30_000, everyMs: 50, what: `see the health of ${name}` },
    );
  const start = async (name: string, flags: readonly string[], ...command: string[]): Promise<string> =>
    await tare.must([
      "run",
      "-d",
      "--init",
      "--name",
      name,
      "--health-interval",
      "100ms",
      ...flags,
      "busybox",
      ...(command.length === 0 ? ["sleep", "1000"] : command),
    ]);
  const statusOf = async (name: string): Promise<string> =>
    await tare.must(["ps", "-a", "--format", "{{.Status}}", "-f", `name=^${name}$`]);

  test("a check runs as the container's user with its environment, and its result is in inspect, ps and filters", async () => {
    const script = "echo $A $(id -u); echo no >&2; test -e /tmp/ok";
    await start("web", ["-u", "123", "-e", "A=b", "--health-cmd", script, "--health-retries", "2"]);
    expect(await statusOf("web")).toMatch(/^Up .* \((health: starting|unhealthy)\)$/);
    const bad = await until("web", ({ Status }) => Status === "unhealthy");
    expect(bad.FailingStreak).toBeGreaterThanOrEqual(2);
    expect(bad.Log.at(-1)).toMatchObject({ ExitCode: 1 });
    expect(bad.Log.at(-1)?.Output.split("\n").sort()).toEqual(["", "b 123", "no"]);
    expect(await statusOf("web")).toMatch(/^Up .* \(unhealthy\)$/);
    expect(await tare.must(["ps", "--format", "{{.Names}}", "-f", "health=unhealthy"])).toBe("web");
    await tare.must(["exec", "web", "touch", "/tmp/ok"]);
    const good = await until("web", ({ Status, Log }) => Status === "healthy" && Log.length === 5);
    expect(good.FailingStreak).toBe(0);
    expect(await statusOf("web")).toMatch(/^Up .* \(healthy\)$/);
    expect(await tare.must(["ps", "--format", "{{.Names}}", "-f", "health=healthy"])).toBe("web");
    expect(await tare.must(["ps", "-q", "-f", "health=none"])).toBe("");
    expect(await tare.refused(["ps", "-f", "health=fine"])).toContain("invalid filter 'health=fine'");
    const events = (
      await tare.must(["events", "--since", "10m", "--until", "0s", "--format", "{{.Action}}"])
    ).split("\n");
    expect(events.filter((action) => action.startsWith("health_status"))).toEqual([
      "health_status: unhealthy",
      "health_status: healthy",
    ]);
    for (const action of [
      `exec_create: /bin/sh -c ${script}`,
      `exec_start: /bin/sh -c ${script}`,
      "exec_die",
    ])
      expect(events).toContain(action);
    await tare.must(["rm", "-f", "web"]);
  });

  test("the list of containers has the health since version 1.52", async () => {
    await start("listed", ["--health-cmd", "true"]);
    await until("listed", ({ Status }) => Status === "healthy");
    await tare.must(["run", "-d", "--name", "unchecked", "busybox", "sleep", "1000"]);
    const healthIn = async (version: string, name: string): Promise<unknown> => {
      const filters = encodeURIComponent(JSON.stringify({ name: [`^/${name}$`] }));
      const { text } = await askApi(tare.socket, "GET", `/v${version}/containers/json?filters=${filters}`);
      const [container] = JSON.parse(text) as readonly { readonly Health?: unknown }[];
      return container?.Health;
    };
    expect(await healthIn("1.52", "listed")).toEqual({ Status: "healthy", FailingStreak: 0 });
    expect(await healthIn("1.51", "listed")).toBeUndefined();
    expect(await healthIn("1.52", "unchecked")).toEqual({ Status: "none", FailingStreak: 0 });
    await tare.must(["rm", "-f", "listed", "unchecked"]);
  });

  test("a pause, a stop and a restart end the checks; each run begins at starting", async () => {
    await start("again", ["--health-cmd", "true"]);
    await until("again", ({ Status }) => Status === "healthy");
    await tare.must(["pause", "again"]);
    const paused = await healthOf("again");
    expect(paused?.Status).toBe("unhealthy");
    await sleep(400);
    expect(await healthOf("again")).toEqual(paused);
    await tare.must(["unpause", "again"]);
    await until("again", ({ Status }) => Status === "healthy");
    await tare.must(["stop", "-t", "0", "again"]);
    expect(await healthOf("again")).toMatchObject({ Status: "unhealthy" });
    expect(await statusOf("again")).toStartWith("Exited (");
    await tare.must(["start", "again"]);
    expect(await healthOf("again")).toMatchObject({ FailingStreak: 0 });
    await until("again", ({ Status }) => Status === "healthy");
    await tare.must(["rm", "-f", "again"]);
  });

  test("a check that takes too long is killed with its children, and long output is cut", async () => {
    await start("slow", ["--health-timeout", "200ms", "--health-cmd", "echo on; sleep 4321; true"]);
    const late = await until("slow", ({ Log }) => Log.length > 0);
    expect(late.Log[0]).toMatchObject({
      ExitCode: -1,
      Output: "Health check exceeded timeout (200ms): on\n",
    });
    await start("loud", ["--health-cmd", "yes | head -c 100000"]);
    const loud = await until("loud", ({ Log }) => Log.length > 0);
    expect(loud.Log[0]?.Output).toBe(`${"y\n".repeat(2048)}...`);
    await tare.must(["rm", "-f", "loud"]);
    // What is left of a check that was killed would pile up.
    const top = await poll(
      async () => {
        const text = await tare.must(["top", "slow"]);
        return (text.match(/sleep 4321/g) ?? []).length <= 1 ? text : undefined;
      },
      { timeoutMs: 5_000, what: "see one check" },
    );
    expect(top).toContain("sleep 1000");
    await tare.must(["rm", "-f", "slow"]);
  });

  test("a program that is not there is a failed check with the reason", async () => {
    const { text } = await askApi(tare.socket, "POST", "/containers/create?name=wrong", {
      Image: "busybox",
      Cmd: ["sleep", "1000"],
      Healthcheck: { Test: ["CMD", "/no/such"], Interval: 1e8, Retries: 1 },
    });
    expect(JSON.parse(text)).toMatchObject({ Warnings: [] });
    await tare.must(["start", "wrong"]);
    const health = await until("wrong", ({ Status }) => Status === "unhealthy");
    expect(health.Log[0]).toMatchObject({ ExitCode: -1, Output: expect.stringContaining("/no/such") });
    await tare.must(["rm", "-f", "wrong"]);
  });

  test("an image's check is inherited by single fields, or dropped", async () => {
    const archive = join(tare.directory, "checked.tar");
    const config = {
      Cmd: ["true"],
      Shell: ["/bin/sh", "-ec"],
      Healthcheck: { Test: ["CMD-SHELL", "false; true"], Interval: 100_000_000, Retries: 7 },
    };
    const layers = [readFileSync(busyboxRootfsTar())];
    writeFileSync(archive, tarOf(dockerArchiveMembers([{ layers, config, names: ["checked:latest"] }])));
    await tare.must(["load", "-i", archive]);
    const created = await tare.tare([
      "create",
      "--name",
      "inherits",
      "--health-retries",
      "1",
      "checked",
      "sleep",
      "1000",
    ]);
    expect([created.status, created.stderr]).toEqual([0, ""]);
    expect(
      JSON.parse(await tare.must(["inspect", "-f", "{{json .Config.Healthcheck}}", "inherits"])),
    ).toEqual({
      Test: ["CMD-SHELL", "false; true"],
      Interval: 100_000_000,
      Retries: 1,
    });
    expect(await healthOf("inherits")).toBeNull();
    await tare.must(["start", "inherits"]);
    // Of the image's shell: -e ends it at the first failure.
    await until("inherits", ({ Status }) => Status === "unhealthy");
    await tare.must(["commit", "inherits", "committed"]);
    const committed = await tare.must([
      "image",
      "inspect",
      "-f",
      "{{json .Config.Healthcheck}}",
      "committed",
    ]);
    expect(JSON.parse(committed)).toMatchObject({ Test: ["CMD-SHELL", "false; true"], Retries: 1 });
    await tare.must(["run", "-d", "--name", "silent", "--no-healthcheck", "checked", "sleep", "1000"]);
    expect(await healthOf("silent")).toBeNull();
    expect(await statusOf("silent")).not.toContain("health");
    expect(await tare.must(["ps", "--format", "{{.Names}}", "-f", "health=none"])).toBe("silent");
    await tare.must(["rm", "-f", "inherits", "silent"]);
  });

  test("values that can't be are refused as Docker does, and older clients have no start interval", async () => {
    const create = async (path: string, Healthcheck: object): Promise<readonly [number, string]> => {
      const { status, text } = await askApi(tare.socket, "POST", path, { Image: "busybox", Healthcheck });
      return [status, text];
    };
    expect(await create("/containers/create", { Test: ["CMD", "true"], Interval: 1000 })).toEqual([
      400,
      '{"message":"Interval in Healthcheck cannot be less than 1ms"}\n',
    ]);
    expect(await create("/containers/create", { Test: ["CMD", "true"], Retries: -1 })).toEqual([
      400,
      '{"message":"Retries in Healthcheck cannot be negative"}\n',
    ]);
    for (const [version, wanted] of [
      ["v1.43", undefined],
      ["v1.44", 7e9],
    ] as const) {
      const check = { Test: ["CMD", "true"], StartInterval: 7e9 };
      const [status] = await create(`/${version}/containers/create?name=at-${version}`, check);
      expect(status).toBe(201);
      const shown = await tare.must(["inspect", "-f", "{{json .Config.Healthcheck}}", `at-${version}`]);
      expect((JSON.parse(shown) as { StartInterval?: number }).StartInterval).toBe(wanted);
    }
    await tare.must(["rm", "at-v1.43", "at-v1.44"]);
    expect(await tare.refused(["run", "--health-on-failure", "kill", "busybox", "true"])).toContain(
      "cannot set on-failure action to kill without a health check",
    );
  });

  test.each([
    ["kill", (state: string): boolean => state === "exited 137"],
    ["stop", (state: string): boolean => state.startsWith("exited ")],
  ])("--health-on-failure %s ends a container that becomes unhealthy", async (action, hasEnded) => {
    const flags = ["--health-cmd", "false", "--health-retries", "2", "--health-on-failure", action];
    await start("failing", [...flags, "--stop-timeout", "0"]);
    await poll(
      async () => {
        const format = "{{.State.Status}} {{.State.ExitCode}}";
        return hasEnded(await tare.must(["inspect", "-f", format, "failing"])) ? true : undefined;
      },
      { timeoutMs: 20_000, everyMs: 50, what: "see it end" },
    );
    await tare.must(["rm", "failing"]);
  });

  test("--health-on-failure restart starts it again", async () => {
    const script = "test -e /data/second";
    const flags = ["-v", "/data", "--health-cmd", script, "--health-retries", "1", "--stop-timeout", "0"];
    await start(
      "revived",
      [...flags, "--health-on-failure", "restart"],
      "sh",
      "-c",
      "test -e /data/first && touch /data/second; touch /data/first; exec sleep 1000",
    );
    await until("revived", ({ Status }) => Status === "healthy");
    await tare.must(["rm", "-fv", "revived"]);
  });

  test("after kill -9 of the daemon the state is kept and checks go on; a check that hangs is not left", async () => {
    await start("kept", ["--health-cmd", "echo down; false", "--health-retries", "2"]);
    await start("hung", ["--health-cmd", "sleep 5432; true"]);
    const before = await until("kept", ({ FailingStreak }) => FailingStreak >= 3);
    await poll(async () => ((await tare.must(["top", "hung"])).includes("sleep 5432") ? true : undefined), {
      timeoutMs: 10_000,
      what: "see the check",
    });
    const hung = (await tare.must(["top", "hung", "-o", "pid,args"]))
      .split("\n")
      .filter((line) => line.includes("sleep 5432"))
      .map((line) => Number(line.trim().split(/\s+/)[0]));
    expect(hung.length).toBeGreaterThan(0);
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    const after = await healthOf("kept");
    expect(after?.Status).toBe("unhealthy");
    expect(after?.FailingStreak).toBeGreaterThanOrEqual(before.FailingStreak);
    expect(after?.Log.at(-1)?.Output).toBe("down\n");
    await until("kept", ({ FailingStreak }) => FailingStreak > (after?.FailingStreak ?? 0));
    await poll(() => (hung.every((pid) => isGone(pid)) ? true : undefined), {
      timeoutMs: 10_000,
      what: "see the old check killed",
    });
    // A clean end keeps also what changed nothing.
    await start("fine", ["--health-cmd", "echo up"]);
    await until("fine", ({ Log }) => Log.length === 5);
    await tare.must(["daemon", "stop"]);
    expect((await healthOf("fine"))?.Log).toHaveLength(5);
    await tare.must(["rm", "-f", "kept", "hung", "fine"]);
  });

  test("wait --condition and healthcheck run, as Podman has them", async () => {
    const flags = ["--health-cmd", "test -e /tmp/ok", "--health-retries", "1"];
    await start("awaited", flags);
    expect(await tare.must(["wait", "--condition", "unhealthy", "awaited"])).toBe("-1");
    const failed = await tare.tare(["healthcheck", "run", "awaited"]);
    expect([failed.status, failed.stdout]).toEqual([1, "unhealthy\n"]);
    const healthy = tare.must(["wait", "--condition", "healthy", "awaited"]);
    await tare.must(["exec", "awaited", "touch", "/tmp/ok"]);
    expect(await healthy).toBe("-1");
    expect(await tare.must(["healthcheck", "run", "awaited"])).toBe("");
    const never = tare.refused(["wait", "--condition", "unhealthy", "awaited"]);
    await sleep(200);
    await tare.must(["stop", "-t", "0", "awaited"]);
    expect(await never).toContain('cannot wait until container "awaited" is unhealthy: it is not running');
    expect(await tare.refused(["healthcheck", "run", "awaited"])).toContain("is not running");
    await tare.must(["run", "-d", "--name", "plain", "busybox", "sleep", "1000"]);
    expect(await tare.refused(["healthcheck", "run", "plain"])).toContain(
      'container "plain" has no defined healthcheck',
    );
    expect(await tare.refused(["wait", "--condition", "healthy", "plain"])).toContain(
      "it has no health check",
    );
    expect(await tare.refused(["wait", "--condition", "happy", "plain"])).toContain(
      "must be stopped, healthy or unhealthy",
    );
    await tare.must(["rm", "-f", "awaited", "plain"]);
  });

  test("healthcheck run counts a check, with an interval that is too long to end", async () => {
    await tare.must(
      "run -d --name rare --health-cmd true --health-interval 20m busybox sleep 1000".split(" "),
    );
    expect(await healthOf("rare")).toMatchObject({ Status: "starting", Log: [] });
    await tare.must(["healthcheck", "run", "rare"]);
    expect(await healthOf("rare")).toMatchObject({ Status: "healthy", Log: [{ ExitCode: 0 }] });
    await tare.must(["rm", "-f", "rare"]);
  });
});
