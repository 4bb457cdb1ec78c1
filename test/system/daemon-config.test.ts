import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("daemon.json", () => {
  let tare: Installation;
  let file: string;
  let daemon: ChildProcess & { output: string };

  const write = (content: object | string): void =>
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  const initial = {
    labels: ["rack=7"],
    "log-format": "json",
    "default-shm-size": "16m",
    "default-ipc-mode": "shareable",
    "default-ulimits": { nofile: { Name: "nofile", Soft: 777, Hard: 888 } },
    "log-opts": { "max-size": "1m", "max-file": "2" },
    "insecure-registries": ["reg.example:5000"],
    dns: ["192.0.2.53"],
    init: true,
    "no-new-privileges": true,
    "default-address-pools": [{ base: "10.231.0.0/16", size: 26 }],
  };

  beforeAll(async () => {
    tare = new Installation();
    file = join(tare.directory, "daemon.json");
    write({ ...initial, pidfile: join(tare.directory, "tare.pid"), hosts: hosts() });
    const words = ["--data-root", tare.dataRoot, "--run-root", tare.runRoot, "daemon", "--config-file", file];
    const child = spawn(executable, words, { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
    daemon = Object.assign(child, { output: "" });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (piece: Buffer) => (daemon.output += piece.toString()));
    await poll(() => daemon.output.includes("serving at") || undefined, { timeoutMs: 20_000, what: "serve" });
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  const hosts = (): readonly string[] => [
    `unix://${tare.socket}`,
    `unix://${join(tare.directory, "second.sock")}`,
  ];

  afterAll(async () => {
    const ended = once(daemon, "exit");
    await tare[Symbol.asyncDispose]();
    await ended;
    expect(existsSync(join(tare.directory, "tare.pid"))).toBe(false);
  });

  const validate = (content: object | string, ...flags: readonly string[]): ReturnType<typeof spawnSync> => {
    const path = join(tare.directory, "other.json");
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    const words = ["daemon", "--validate", "--config-file", path, ...flags];
    return spawnSync(executable, words, { encoding: "utf8", timeout: 20_000 });
  };

  test("--validate checks a file and starts nothing", () => {
    expect(validate(initial)).toMatchObject({ status: 0, stdout: "configuration OK\n", stderr: "" });
    const { status, stderr } = validate({ debag: true });
    expect(status).toBe(1);
    expect(stderr).toContain("the following directives don't match any configuration option: debag");
    expect(validate('{\n  "debug": tru\n}').stderr).toContain("line 2, column 12");
    expect(validate({ debug: true }, "--debug").stderr).toContain(
      "the following directives are specified both as a flag and in the configuration file: debug",
    );
  });

  test("the daemon serves at all hosts, and its log is JSON", async () => {
    const { stdout } = await tare.tare(["--host", hosts()[1] ?? "", "info", "-f", "{{json .Labels}}"]);
    expect(stdout).toBe('["rack=7"]\n');
    expect(readFileSync(join(tare.directory, "tare.pid"), "utf8")).toBe(String(daemon.pid));
    const entries = daemon.output
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(entries).toContainEqual({
      level: "info",
      msg: `serving at ${hosts().join(", ")}`,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  test("containers have its defaults, also in the words of the fast path", async () => {
    const script =
      "ulimit -n; grep -c nameserver.192.0.2.53 /etc/resolv.conf; cat /proc/1/comm; grep NoNew /proc/self/status; df -m /dev/shm | tail -1";
    const out = await tare.must(["run", "--name", "one", "busybox", "sh", "-c", script]);
    expect(out).toMatch(/^777\n1\n(?!sh\n).*\nNoNewPrivs:\t1\n\S+ +16 /);
    const format = "{{.HostConfig.ShmSize}} {{.HostConfig.IpcMode}} {{json .HostConfig.LogConfig}}";
    expect(await tare.must(["inspect", "-f", format, "one"])).toBe(
      '16777216 shareable {"Type":"json-file","Config":{"max-size":"1m","max-file":"2"}}',
    );
    const own = ["--ulimit", "nofile=55", "--shm-size", "8m", "--init=false"];
    expect(await tare.must(["run", "--rm", ...own, "busybox", "sh", "-c", script])).toMatch(
      /^55\n1\nsh\nNoNewPrivs:\t1\n\S+ +8 /,
    );
  });

  test("networks take their subnets from its pools", async () => {
    await tare.must(["network", "create", "pooled"]);
    expect(
      await tare.must(["network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "pooled"]),
    ).toMatch(/^10\.231\.\d+\.\d+\/26$/);
  });

  test("SIGHUP reloads it: a broken file changes nothing, a good one is an event", async () => {
    const reload = async (content: object | string, word: string): Promise<void> => {
      const from = daemon.output.length;
      write(content);
      daemon.kill("SIGHUP");
      await poll(() => daemon.output.slice(from).includes(word) || undefined, {
        timeoutMs: 20_000,
        what: `log "${word}"`,
      });
    };
    const common = { ...initial, hosts: hosts(), pidfile: join(tare.directory, "tare.pid") };
    await reload("{", "cannot reload the configuration, the old one stays");
    await reload({ ...common, labels: "x" }, 'cannot use \\"labels\\"');
    const before = JSON.parse((await askApi(tare.socket, "GET", "/info")).text) as object;
    expect(before).toMatchObject({ Labels: ["rack=7"], Debug: false });
    await reload(
      { ...common, labels: ["rack=8"], debug: true, "default-shm-size": "32m" },
      "reloaded the configuration",
    );
    const after = JSON.parse((await askApi(tare.socket, "GET", "/info")).text) as object;
    expect(after).toMatchObject({
      Labels: ["rack=8"],
      Debug: true,
      RegistryConfig: { IndexConfigs: { "reg.example:5000": { Secure: false } } },
    });
    const events = await tare.must([
      "events",
      "--since",
      "1h",
      "--until",
      "0s",
      "-f",
      "type=daemon",
      "--format",
      "json",
    ]);
    const found = events.split("\n").map((line) => JSON.parse(line) as { Action: string; Actor: object });
    expect(found.length).toBe(1);
    expect(found[0]).toMatchObject({
      Action: "reload",
      Actor: { Attributes: { debug: "true", labels: '["rack=8"]', "default-shm-size": "33554432" } },
    });
    expect(await tare.must(["run", "--rm", "busybox", "sh", "-c", "df -m /dev/shm | tail -1"])).toMatch(
      / +32 /,
    );
  });
});
