import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("--restart", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterEach(async () => {
    const ids = await tare.must(["ps", "-aq"]);
    if (ids !== "") await tare.must(["rm", "-f", ...ids.split("\n")]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const start = (name: string, policy: string, script: string) =>
    tare.must(["run", "-d", "--name", name, "--restart", policy, "busybox", "sh", "-c", script]);
  const inspect = (name: string, format: string) => tare.must(["inspect", "--format", format, name]);
  const until = (name: string, format: string, isRight: (text: string) => boolean) =>
    poll(
      async () => {
        const text = await inspect(name, format);
        return isRight(text) ? text : undefined;
      },
      { everyMs: 20, timeoutMs: 20_000, what: `see ${format} of ${name} become right` },
    );
  const restarts = (name: string, least: number) =>
    until(name, "{{.RestartCount}}", (text) => Number(text) >= least);
  const waiting = (name: string) => until(name, "{{.State.Status}}", (text) => text === "restarting");
  const said = (name: string, text: string) =>
    poll(async () => ((await tare.must(["logs", name])).includes(text) ? true : undefined), {
      everyMs: 20,
      timeoutMs: 20_000,
      what: `read ${text} in the log of ${name}`,
    });
  const killDaemon = async () => {
    const pid = tare.daemonPid() ?? 0;
    process.kill(pid, "SIGKILL");
    await poll(async () => (tare.daemonPid() === undefined ? true : undefined), {
      timeoutMs: 10_000,
      what: "see it gone",
    });
  };

  test("on-failure:2 runs it three times; wait gives the next end, and events tell of each", async () => {
    await start("tries", "on-failure:2", "echo run; exit 3");
    expect(await tare.must(["wait", "tries"])).toBe("3");
    await until(
      "tries",
      "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}",
      (text) => text === "2 exited 3",
    );
    expect(await tare.must(["logs", "tries"])).toBe("run\nrun\nrun");
    const events = await tare.must([
      "events",
      "--since",
      "1h",
      "--until",
      "0s",
      "--filter",
      "container=tries",
      "--format",
      "{{.Action}}",
    ]);
    expect(
      events
        .split("\n")
        .filter((action) => ["start", "die"].includes(action))
        .join(" "),
    ).toBe("start die start die start die");
    expect(await inspect("tries", "{{json .HostConfig.RestartPolicy}}")).toBe(
      '{"Name":"on-failure","MaximumRetryCount":2}',
    );
    await tare.must(["start", "tries"]); // by hand: it counts anew
    await until("tries", "{{.RestartCount}} {{.State.Status}}", (text) => text === "2 exited");
  });

  test("on-failure leaves a good end alone; an attached run ends with the first one", async () => {
    await start("good", "on-failure", "exit 0");
    expect(await tare.must(["wait", "good"])).toBe("0");
    expect(await inspect("good", "{{.RestartCount}}")).toBe("0");
    const { status } = await tare.tare([
      "run",
      "--name",
      "attached",
      "--restart",
      "on-failure:1",
      "busybox",
      "sh",
      "-c",
      "exit 5",
    ]);
    expect(status).toBe(5);
    await until("attached", "{{.RestartCount}} {{.State.Status}}", (text) => text === "1 exited");
  });

  test("always restarts after a good end too, also one that was killed inside, until it is stopped", async () => {
    await start("ever", "always", "echo run; sleep 0.01");
    await restarts("ever", 2);
    await tare.must(["stop", "ever"]);
    const count = await inspect("ever", "{{.RestartCount}}");
    expect(await inspect("ever", "{{.State.Status}} {{.State.Restarting}}")).toBe("exited false");
    await Bun.sleep(300);
    expect(await inspect("ever", "{{.RestartCount}} {{.State.Status}}")).toBe(`${count} exited`);
  });

  test("kill ends it for good with KILL and the stop signal, and with no other", async () => {
    const trap = "trap 'exit 4' USR1; echo ready; while :; do usleep 10000; done";
    await start("killed", "always", trap);
    await said("killed", "ready");
    await tare.must(["kill", "-s", "USR1", "killed"]);
    await restarts("killed", 1);
    await until("killed", "{{.State.Status}}", (text) => text === "running");
    await tare.must(["kill", "killed"]);
    expect(await inspect("killed", "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 137");
  });

  test("while it waits it is restarting: shown, not removed, not entered, stopped at once", async () => {
    await start("waits", "always", "exit 9");
    await restarts("waits", 6); // it waits for 6.4 seconds then
    await waiting("waits");
    expect(
      await inspect("waits", "{{.State.Running}} {{.State.Restarting}} {{.State.ExitCode}} {{.State.Pid}}"),
    ).toBe("true true 9 0");
    expect(await tare.must(["ps", "--format", "{{.Names}} {{.Status}}"])).toMatch(
      /^waits Restarting \(9\) .* ago$/,
    );
    expect(await tare.must(["ps", "-q", "--filter", "status=restarting"])).not.toBe("");
    expect((await tare.tare(["rm", "waits"])).stderr).toContain(
      "container is restarting: stop the container before removing or force remove",
    );
    expect((await tare.tare(["exec", "waits", "true"])).stderr).toContain(
      "is restarting, wait until the container is running",
    );
    await tare.must(["stop", "waits"]);
    expect(await inspect("waits", "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 9");
    expect(await tare.must(["wait", "waits"])).toBe("9");
  });

  test("a kill -9 of the daemon in the back-off, and one while it ends, lose nothing", async () => {
    await start("kept", "on-failure", "sleep 0.05; exit 1");
    await restarts("kept", 4);
    await waiting("kept");
    await killDaemon();
    const count = Number(await inspect("kept", "{{.RestartCount}}"));
    expect(count).toBeGreaterThanOrEqual(4);
    await restarts("kept", count + 1);
    await tare.must(["rm", "-f", "kept"]);
    await start("away", "always", "sleep 0.3; exit 1");
    await killDaemon();
    await Bun.sleep(500); // it ends with nobody there
    await restarts("away", 1);
  });

  test("the daemon's start starts always, and unless-stopped when nobody stopped it", async () => {
    for (const [name, policy] of [
      ["a", "always"],
      ["u", "unless-stopped"],
      ["f", "on-failure"],
    ] as const) {
      await start(`${name}-stopped`, policy, "sleep 1000");
      await tare.must(["stop", "-t", "0", `${name}-stopped`]);
    }
    await tare.must(["create", "--name", "never", "--restart", "always", "busybox", "sleep", "1000"]);
    await tare.must(["daemon", "stop"]);
    await until("a-stopped", "{{.State.Status}}", (text) => text === "running");
    expect(await inspect("u-stopped", "{{.State.Status}}")).toBe("exited");
    expect(await inspect("f-stopped", "{{.State.Status}}")).toBe("exited");
    expect(await inspect("never", "{{.State.Status}}")).toBe("created");
  });

  test("update changes the policy of one that runs, and of one that waits", async () => {
    await start("changed", "no", "while [ ! -e /end ]; do usleep 10000; done; exit 1");
    await tare.must(["update", "--restart", "on-failure:1", "changed"]);
    expect(
      await inspect(
        "changed",
        "{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}",
      ),
    ).toBe("on-failure:1");
    await tare.must(["exec", "changed", "touch", "/end"]);
    await until("changed", "{{.RestartCount}} {{.State.Status}}", (text) => text === "1 exited");
    await start("waits", "always", "exit 9");
    await restarts("waits", 3);
    await waiting("waits");
    await tare.must(["update", "--restart", "no", "waits"]);
    await until("waits", "{{.State.Status}}", (text) => text === "exited");
  });

  test("contradictions are refused in Docker's words", async () => {
    const said = async (...args: string[]) => {
      const { status, stderr } = await tare.tare(args);
      expect(status).not.toBe(0);
      return stderr;
    };
    expect(await said("run", "--rm", "--restart", "always", "busybox")).toContain(
      "Conflicting options: --restart and --rm",
    );
    expect(await said("run", "--restart", "sometimes", "busybox")).toContain(
      "invalid restart policy: unknown policy 'sometimes'",
    );
    await tare.must(["run", "-d", "--rm", "--name", "gone", "busybox", "sleep", "1000"]);
    expect(await said("update", "--restart", "always", "gone")).toContain(
      "Restart policy cannot be updated because AutoRemove is enabled for the container",
    );
    const { stderr } = await tare.tare([
      "run",
      "--name",
      "nope",
      "--restart",
      "always",
      "busybox",
      "no-such-command",
    ]);
    expect(stderr).toContain("no-such-command");
    await Bun.sleep(250);
    expect(await inspect("nope", "{{.RestartCount}} {{.State.Status}}")).toBe("0 exited");
  });
});
