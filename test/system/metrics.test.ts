import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

const port = 23_932;
const url = `http://127.0.0.1:${port}/metrics`;

describe.skipIf(!isRoot)("metrics", () => {
  let tare: Installation;
  let daemon: ChildProcess & { output: string };

  const read = async (): Promise<ReadonlyMap<string, number>> => {
    const text = await (await fetch(url)).text();
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))] as const;
      }),
    );
  };
  const countOf = (action: string): string =>
    `engine_daemon_container_actions_seconds_count{action="${action}"}`;
  const stateOf = (state: string): string => `engine_daemon_container_states_containers{state="${state}"}`;
  const waitFor = async (expected: Readonly<Record<string, number>>): Promise<void> => {
    let last: unknown;
    const names = Object.keys(expected);
    await poll(
      async () => {
        const values = await read();
        last = Object.fromEntries(names.map((name) => [name, values.get(name)]));
        return JSON.stringify(last) === JSON.stringify(expected) || undefined;
      },
      { timeoutMs: 10_000, what: "metrics" },
    ).catch(() => expect(last).toEqual(expected));
  };
  /** TCP ports at which the daemon listens. */
  const listening = (pid: number): readonly number[] => {
    const { stdout } = spawnSync("ss", ["-Hltnp"], { encoding: "utf8" });
    return stdout
      .split("\n")
      .filter((line) => line.includes(`pid=${pid},`))
      .map((line) => Number(/:(\d+)\s/.exec(line.trim())?.[1]));
  };

  beforeAll(async () => {
    tare = new Installation();
    const words = [
      ...tare.globalFlags,
      "daemon",
      "--config-file=/dev/null",
      `--metrics-addr=127.0.0.1:${port}`,
    ];
    const child = spawn(executable, words, { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
    daemon = Object.assign(child, { output: "" });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (piece: Buffer) => (daemon.output += piece.toString()));
    await poll(() => daemon.output.includes("serving at") || undefined, { timeoutMs: 20_000, what: "serve" });
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  test("all actions are there before the first one, and the engine and its process are described", async () => {
    const reply = await fetch(url);
    expect(reply.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const values = await read();
    for (const action of ["changes", "commit", "create", "delete", "start"])
      expect([action, values.get(countOf(action))]).toEqual([action, 0]);
    const [info = ""] = [...values.keys()].filter((name) => name.startsWith("engine_daemon_engine_info"));
    expect(info).toContain(`daemon_id="${await tare.must(["info", "-f", "{{.ID}}"])}"`);
    expect(info).toContain('os_type="linux"');
    expect(values.get("engine_daemon_engine_cpus_cpus")).toBe(
      Number(await tare.must(["info", "-f", "{{.NCPU}}"])),
    );
    expect(values.get("engine_daemon_engine_memory_bytes")).toBe(
      Number(await tare.must(["info", "-f", "{{.MemTotal}}"])),
    );
    const limits = readFileSync(`/proc/${daemon.pid}/limits`, "utf8");
    expect(values.get("process_max_fds")).toBe(Number(/^Max open files +(\d+)/m.exec(limits)?.[1]));
    expect(values.get("process_open_fds")).toBeGreaterThan(10);
    expect(values.get("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(values.get("process_resident_memory_bytes")).toBeGreaterThan(10 * 1024 * 1024);
    expect(values.get("tare_images")).toBe(Number(await tare.must(["info", "-f", "{{.Images}}"])));
    const size = values.get('tare_data_root_bytes{kind="size"}') ?? 0;
    expect(values.get('tare_data_root_bytes{kind="available"}')).toBeLessThanOrEqual(size);
  });

  test("containers are counted by state, actions and exits by what happened", async () => {
    const events = (await read()).get("engine_daemon_events_total") ?? 0;
    await tare.must(["run", "-d", "--name", "one", "busybox", "sleep", "1000"]);
    await tare.must(["run", "-d", "--name", "two", "--network", "none", "busybox", "sleep", "1000"]);
    await tare.must(["pause", "two"]);
    await tare.must(["create", "--name", "three", "busybox"]);
    await waitFor({
      [stateOf("running")]: 1,
      [stateOf("paused")]: 1,
      [stateOf("stopped")]: 1,
      [countOf("create")]: 3,
      [countOf("start")]: 2,
      [countOf("delete")]: 0,
      'engine_daemon_network_actions_seconds_count{action="allocate"}': 1,
      'engine_daemon_network_actions_seconds_count{action="release"}': 0,
    });
    expect((await read()).get("engine_daemon_events_total")).toBeGreaterThan(events + 5);
    await tare.must(["run", "--rm", "busybox", "true"]);
    expect((await tare.tare(["run", "--rm", "busybox", "false"])).status).toBe(1);
    await tare.must(["rm", "-f", "one", "two", "three"]);
    await tare.must(["system", "settle"]);
    await waitFor({
      [stateOf("running")]: 0,
      [stateOf("paused")]: 0,
      [stateOf("stopped")]: 0,
      [countOf("create")]: 5,
      [countOf("start")]: 4,
      [countOf("delete")]: 5,
      'tare_container_exits_total{status="success"}': 1,
      'tare_container_exits_total{status="failure"}': 3,
      'engine_daemon_network_actions_seconds_count{action="allocate"}': 3,
      'engine_daemon_network_actions_seconds_count{action="release"}': 3,
    });
    const values = await read();
    expect(values.get('engine_daemon_container_actions_seconds_sum{action="start"}')).toBeGreaterThan(0);
    const all = 'engine_daemon_container_actions_seconds_bucket{le="+Inf",action="start"}';
    expect(values.get(all)).toBe(4);
  });

  test("a creation that fails is not counted; commits, changes and health checks are", async () => {
    await tare.refused(["create", "--pull", "never", "none.example/none"]);
    const check = ["--health-cmd", "exit 1", "--health-interval", "1h", "--health-start-interval", "1h"];
    await tare.must(["run", "-d", "--name", "checked", ...check, "busybox", "sleep", "1000"]);
    await tare.tare(["healthcheck", "run", "checked"]);
    await tare.must(["diff", "checked"]);
    await tare.must(["commit", "checked", "committed"]);
    await waitFor({
      [countOf("create")]: 6,
      [countOf("changes")]: 1,
      [countOf("commit")]: 1,
      engine_daemon_health_checks_total: 1,
      engine_daemon_health_checks_failed_total: 1,
    });
    await tare.must(["rm", "-f", "checked"]);
  });

  test("only GET /metrics is served", async () => {
    expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(405);
    expect((await fetch(url.replace("metrics", "containers/json"))).status).toBe(404);
    expect((await fetch(`${url}/../info`)).status).toBe(404);
    expect((await fetch(`${url}?name=x`)).status).toBe(200);
  });

  test("more connections than are allowed are closed, and others are served again", async () => {
    const sockets = await Promise.all(
      Array.from(
        { length: 40 },
        () =>
          new Promise<Socket>((resolve) => {
            const socket = connect(port, "127.0.0.1", () => resolve(socket));
            socket.on("error", () => {});
          }),
      ),
    );
    await poll(() => sockets.filter(({ closed }) => closed).length >= 8 || undefined, {
      timeoutMs: 10_000,
      what: "closed connections",
    });
    expect(sockets.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(32);
    for (const socket of sockets) socket.destroy();
    await poll(async () => (await fetch(url).catch(() => undefined))?.ok || undefined, {
      timeoutMs: 10_000,
      what: "an answer",
    });
  });

  test("without the option nothing listens; a taken port is one sentence", async () => {
    expect(listening(daemon.pid ?? 0)).toEqual([port]);
    await using other = new Installation();
    await other.must(["ps"]);
    expect(listening(other.daemonPid() ?? 0)).toEqual([]);
    expect(await other.must(["daemon", "stop"])).toBe("");
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port + 1, "127.0.0.1", () => resolve()));
    const words = [
      ...other.globalFlags,
      "daemon",
      "--config-file=/dev/null",
      `--metrics-addr=127.0.0.1:${port + 1}`,
    ];
    const { status, stderr } = spawnSync(executable, words, { encoding: "utf8", timeout: 20_000 });
    taken.close();
    expect(status).toBe(1);
    expect(stderr.trim().split("\n")).toEqual([
      expect.stringMatching(
        /error cannot serve metrics: cannot listen on tcp:\/\/127\.0\.0\.1:23933: .*(?:EADDRINUSE|in use)/,
      ),
    ]);
  });
});
