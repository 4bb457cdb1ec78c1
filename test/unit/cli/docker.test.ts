import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { composePaths } from "../../../src/cli/docker/find-compose.ts";
import { withAlias, withoutAlias } from "../../../src/cli/docker/shell-alias.ts";
import { type Outcome, runCommandLine } from "./command-line.ts";

let home: string;
let env: Record<string, string>;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tare-docker-"));
  env = { HOME: home, PATH: join(home, "bin"), SHELL: "/bin/bash" };
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const run = async (...argv: readonly string[]): Promise<Outcome> =>
  await runCommandLine(argv, { env, cwd: home, client: { containers: { list: () => [] } } });
const configFile = (): unknown => JSON.parse(readFileSync(join(home, ".docker/config.json"), "utf8"));
const writeConfig = (value: unknown): void => {
  mkdirSync(join(home, ".docker"), { recursive: true });
  writeFileSync(join(home, ".docker/config.json"), JSON.stringify(value));
};

describe("contexts", () => {
  test("are created, chosen, listed, changed and removed", async () => {
    writeConfig({ auths: { a: {} } });
    const created = await run(
      "context",
      "create",
      "one",
      "--docker",
      "host=unix:///x.sock",
      "--description",
      "d",
    );
    expect(created).toMatchObject({ status: 0, out: "one\n", err: 'Successfully created context "one"\n' });
    expect((await run("context", "use", "one")).out).toBe("one\n");
    expect(configFile()).toEqual({ auths: { a: {} }, currentContext: "one" });
    expect((await run("context", "show")).out).toBe("one\n");
    expect((await run("ps")).connections).toMatchObject([{ host: "unix:///x.sock", hostFrom: "context" }]);
    expect((await run("context", "update", "one", "--docker", "host=tcp://b:2375")).status).toBe(0);
    expect(
      (await run("context", "ls", "--format", "{{.Name}} {{.DockerEndpoint}} {{.Description}}")).out,
    ).toBe(
      "default unix:///run/tare/tare.sock Current DOCKER_HOST based configuration\none tcp://b:2375 d\n",
    );
    expect(await run("context", "rm", "one")).toMatchObject({
      status: 1,
      err: 'tare: context "one" is in use, set -f flag to force remove\n',
    });
    expect((await run("context", "rm", "-f", "one")).out).toBe("one\n");
    expect(configFile()).toEqual({ auths: { a: {} } });
  });

  test("--context, --host and the environment count more than the current one, as in Docker", async () => {
    await run("context", "create", "one", "--docker", "host=unix:///one.sock");
    await run("context", "create", "two", "--docker", "host=unix:///two.sock");
    await run("context", "use", "one");
    const host = async (...argv: readonly string[]): Promise<string | undefined> =>
      (await run(...argv, "ps")).connections[0]?.host;
    expect(await host()).toBe("unix:///one.sock");
    expect(await host("--context", "two")).toBe("unix:///two.sock");
    expect(await host("--context", "default")).toBe("unix:///run/tare/tare.sock");
    expect(await host("--host", "unix:///h.sock")).toBe("unix:///h.sock");
    expect(await host("--run-root", "/r")).toBe("unix:///r/tare.sock");
    env["DOCKER_CONTEXT"] = "two";
    expect(await host()).toBe("unix:///two.sock");
    env["DOCKER_HOST"] = "unix:///d.sock";
    expect(await host()).toBe("unix:///d.sock");
    expect(await host("--context", "one")).toBe("unix:///one.sock");
  });

  test("a context that does not exist stops commands, but not those that repair it", async () => {
    writeConfig({ currentContext: "gone" });
    const refused = await run("ps");
    expect([refused.status, refused.err]).toEqual([
      1,
      expect.stringContaining('context "gone": context not found'),
    ]);
    expect((await run("context", "ls")).out).toContain("gone *");
    expect((await run("context", "use", "default")).status).toBe(0);
    expect((await run("ps")).status).toBe(0);
  });

  test.each<[readonly string[], string]>([
    [["create", "default", "--docker", "host=unix:///x"], '"default" is a reserved context name'],
    [["create", "../x", "--docker", "host=unix:///x"], 'context name "../x" is invalid'],
    [["create", "five", "--docker", "host=foo"], "unable to parse docker host `foo`"],
    [["create", "six", "--docker", "bad=1"], "bad: unrecognized config key"],
    [["create", "six", "--docker", "host=tcp://a:1,ca=/nope.pem"], "/nope.pem"],
    [["create", "six", "--docker", "nothing"], "nothing must be formatted as key=value"],
    [["update", "nope", "--description", "x"], 'context "nope": context not found'],
    [["inspect", "nope"], 'context "nope": context not found'],
    [["rm", "default"], 'context "default" cannot be removed'],
    [["rm", "nope"], 'context "nope" does not exist'],
    [["import", "one", "/nope"], "open /nope: no such file or directory"],
  ])("context %j is refused: %s", async (words, sentence) => {
    const { status, err } = await run("context", ...words);
    expect([status === 0, err]).toEqual([false, expect.stringContaining(sentence)]);
    expect(existsSync(join(home, ".docker/contexts"))).toBe(false);
  });

  test("export and import keep the description and the keys; other files in an archive are refused", async () => {
    writeFileSync(join(home, "ca.pem"), "CA");
    await run("context", "create", "one", "--docker", "host=tcp://a:2376,ca=ca.pem", "--description", "d");
    expect((await run("context", "export", "one")).err).toBe('Written file "one.dockercontext"\n');
    expect((await run("context", "export", "one")).err).toContain("file exists");
    expect((await run("context", "import", "two", "one.dockercontext")).status).toBe(0);
    const [two] = JSON.parse((await run("context", "inspect", "two")).out) as [Record<string, unknown>];
    expect(two).toMatchObject({
      Name: "two",
      Metadata: { Description: "d" },
      Endpoints: { docker: { Host: "tcp://a:2376", SkipTLSVerify: false } },
      TLSMaterial: { docker: ["ca.pem"] },
    });
    const bytes = readFileSync(join(home, "one.dockercontext"));
    // The same length: the checksum of the header changes with it, so it is computed anew.
    const at = bytes.indexOf("tls/docker/ca.pem");
    bytes.write("tls/docker/../../", at);
    bytes.fill(" ", at + 148, at + 156);
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
    writeFileSync(join(home, "bad.tar"), bytes);
    const { status, err } = await run("context", "import", "three", "bad.tar");
    expect([status, err]).toEqual([1, expect.stringContaining("invalid file in context")]);
    expect((await run("context", "ls", "-q")).out).toBe("default\none\ntwo\n");
  });
});

function ended(): PassThrough {
  const stdin = new PassThrough();
  stdin.end();
  return stdin;
}

describe("the configuration of Docker's client", () => {
  const network = {
    Name: "lan",
    Id: "a".repeat(64),
    Driver: "bridge",
    Scope: "local",
    Labels: {},
    Created: "2026-01-01T00:00:00Z",
  };
  const list = async (...argv: readonly string[]): Promise<Outcome> =>
    await runCommandLine(argv, { env, cwd: home, client: { networks: { list: () => [network] } } });

  test("has the format of a list, unless the command line has one or is quiet", async () => {
    writeConfig({ networksFormat: "{{.Name}}/{{.Driver}}" });
    expect((await list("network", "ls")).out).toBe("lan/bridge\n");
    expect((await list("network", "ls", "--format", "{{.Driver}}")).out).toBe("bridge\n");
    expect((await list("network", "ls", "-q")).out).toBe(`${"a".repeat(12)}\n`);
    expect((await list("--config", "/nonexistent", "network", "ls")).out).toStartWith("NETWORK ID");
  });

  test("has headers of requests, of which those of the connection are left out", async () => {
    writeConfig({ HttpHeaders: { "X-Site": "berlin", Host: "other" } });
    expect((await list("network", "ls")).connections).toMatchObject([{ headers: { "X-Site": "berlin" } }]);
    for (const wrong of [{ "a b": "c" }, { a: "b\r\nc: d" }, { a: 1 }, "x"]) {
      writeConfig({ HttpHeaders: wrong });
      const { status, err } = await list("network", "ls");
      expect([status, err]).toEqual([1, expect.stringContaining("HttpHeaders")]);
    }
  });

  test("has detach keys, which are refused when they cannot be read", async () => {
    writeConfig({ detachKeys: "nonsense" });
    const client = { containers: { createExec: () => ({ Id: "e" }) } };
    const refused = await runCommandLine(["exec", "web", "sh"], { env, client });
    expect([refused.status === 0, refused.err]).toEqual([false, expect.stringContaining("nonsense")]);
  });

  test("has filters of prunes, which those of the command line can contradict", async () => {
    const asked: unknown[] = [];
    const prune = (filters: unknown): object => {
      asked.push(filters);
      const none = { ContainersDeleted: [], NetworksDeleted: [], VolumesDeleted: [], ImagesDeleted: [] };
      return { ...none, SpaceReclaimed: 0 };
    };
    const client = Object.fromEntries(
      ["containers", "networks", "volumes", "images"].map((kind) => [kind, { prune }]),
    );
    const filtersOf = async (...argv: readonly string[]): Promise<readonly unknown[]> => {
      asked.length = 0;
      const { status, err } = await runCommandLine(argv, { env, cwd: home, client });
      expect([status, err]).toEqual([0, ""]);
      return [...asked];
    };
    writeConfig({ pruneFilters: ["label!=keep", "label=old", "until=24h", "nothing", "label=a=b"] });
    const label = ["old", "a=b"];
    const whole = { label, "label!": ["keep"], until: ["24h"] };
    expect(await filtersOf("container", "prune", "-f")).toEqual([whole]);
    expect(await filtersOf("network", "prune", "-f")).toEqual([whole]);
    expect(await filtersOf("volume", "prune", "-f", "-a")).toEqual([{ ...whole, all: ["true"] }]);
    expect(await filtersOf("image", "prune", "-f")).toEqual([{ ...whole, dangling: ["true"] }]);
    expect(await filtersOf("system", "prune", "-f", "--volumes")).toEqual([
      whole,
      whole,
      whole,
      { ...whole, dangling: ["true"] },
    ]);
    expect(
      await filtersOf("container", "prune", "-f", "--filter", "label=keep", "--filter", "label=old"),
    ).toEqual([{ label: ["keep", "old", "a=b"], until: ["24h"] }]);
    const { out } = await runCommandLine(["system", "prune"], { env, cwd: home, client, stdin: ended() });
    expect(out).toContain("  Items to be pruned will be filtered with:\n  - label!=keep\n  - label=a=b\n");
    for (const wrong of ["x", [1], {}]) {
      writeConfig({ pruneFilters: wrong });
      asked.length = 0;
      const { status, err } = await runCommandLine(["image", "prune", "-f"], { env, cwd: home, client });
      expect([status, err, asked]).toEqual([1, expect.stringContaining("pruneFilters must be a list"), []]);
    }
  });

  test("that cannot be read is a warning", async () => {
    mkdirSync(join(home, ".docker"));
    writeFileSync(join(home, ".docker/config.json"), "{");
    const { status, out, err } = await list("network", "ls");
    expect([status, out]).toEqual([0, expect.stringContaining("lan")]);
    expect(err).toStartWith("WARNING: cannot read ");
    writeConfig({ networksFormat: 1 });
    expect((await list("network", "ls")).err).toContain("networksFormat must be a text");
  });
});

describe("init docker", () => {
  test("a context becomes the current one; undoing it restores the one before", async () => {
    await run("context", "create", "other", "--docker", "host=unix:///o.sock");
    await run("context", "use", "other");
    const first = await run("init", "docker", "--method", "context");
    expect(first).toMatchObject({ status: 0, err: "" });
    expect(first.out).toContain('uses the context "tare" now (unix:///run/tare/tare.sock)');
    expect((await run("init", "docker", "--method", "context")).out).toStartWith("Already done");
    expect(configFile()).toMatchObject({ currentContext: "tare" });
    // Its own commands need not read it.
    expect((await run("ps")).connections).toMatchObject([{ hostFrom: "default" }]);
    expect((await run("init", "docker", "--method", "context", "--undo")).out).toContain('"other" again');
    expect((await run("context", "ls", "-q")).out).toBe("default\nother\n");
    expect((await run("init", "docker", "--method", "context", "--undo")).out).toStartWith("Nothing to undo");
  });

  test("a context of somebody else stays", async () => {
    await run("context", "create", "tare", "--docker", "host=unix:///o.sock");
    const { status, err } = await run("init", "docker", "--method", "context");
    expect([status, err]).toEqual([1, expect.stringContaining('the context "tare" exists with the host')]);
    expect((await run("init", "docker", "--method", "context", "--undo")).out).toStartWith("Nothing to undo");
    expect((await run("context", "ls", "-q")).out).toBe("default\ntare\n");
  });

  test("the method is chosen by whether there is a docker program", async () => {
    expect((await run("init", "docker")).out).toContain("Added to");
    mkdirSync(join(home, "bin"));
    writeFileSync(join(home, "bin/docker"), "");
    expect((await run("init", "docker")).out).toContain("the context");
    expect(await run("init", "docker", "--method", "magic")).toMatchObject({
      status: 1,
      err: 'tare: unknown method "magic": want context, alias, socket\n',
    });
  });

  test("an alias is added once, for another socket with its address, and removed", async () => {
    writeFileSync(join(home, ".bashrc"), "export A=1");
    await run("init", "docker", "--method", "alias");
    await run("--host", "unix:///h.sock", "init", "docker", "--method", "alias");
    expect((await run("--host", "unix:///h.sock", "init", "docker", "--method", "alias")).out).toStartWith(
      "Already",
    );
    const text = readFileSync(join(home, ".bashrc"), "utf8");
    expect(text).toBe(
      "export A=1\n# tare init docker: begin\nalias docker='tare --host unix:///h.sock'\n# tare init docker: end\n",
    );
    expect((await run("init", "docker", "--method", "alias", "--undo")).out).toContain("Removed the alias");
    expect(readFileSync(join(home, ".bashrc"), "utf8")).toBe("export A=1\n");
    env["SHELL"] = "/bin/sh";
    expect((await run("init", "docker", "--method", "alias")).err).toContain(
      "add it yourself: alias docker=tare",
    );
  });

  test("withAlias() and withoutAlias() leave an unfinished block alone", () => {
    expect(withoutAlias("# tare init docker: begin\nalias")).toBe("# tare init docker: begin\nalias");
    expect(withoutAlias(withAlias("", "alias docker='tare'"))).toBe("");
  });
});

describe("compose", () => {
  const install = (path: string): void => {
    mkdirSync(join(home, path, ".."), { recursive: true });
    writeFileSync(join(home, path), "");
    chmodSync(join(home, path), 0o755);
  };

  test("runs the plugin of the user with the engine's socket, and all words as they are", async () => {
    install(".docker/cli-plugins/docker-compose");
    install("bin/docker-compose");
    env["DOCKER_CONTEXT"] = "";
    const { became, connections } = await run(
      "--host",
      "unix:///h.sock",
      "compose",
      "-f",
      "x.yml",
      "up",
      "--",
      "-d",
    );
    expect(connections).toHaveLength(1);
    expect(became).toMatchObject([
      {
        program: join(home, ".docker/cli-plugins/docker-compose"),
        argv: ["-f", "x.yml", "up", "--", "-d"],
        env: { DOCKER_HOST: "unix:///h.sock", HOME: home },
      },
    ]);
    expect(became[0]?.env).not.toHaveProperty("DOCKER_CONTEXT");
  });

  test("what Compose answers alone starts no daemon", async () => {
    install("bin/docker-compose");
    for (const words of [["version"], ["--help"], ["up", "--help"], []]) {
      expect(await run("compose", ...words)).toMatchObject({ connections: [], became: [{ argv: words }] });
    }
  });

  test("the plugins of a user come before those of packages, and these before PATH", () => {
    writeConfig({ cliPluginsExtraDirs: ["/extra"] });
    const paths = composePaths(env);
    expect(paths.slice(0, 2)).toEqual([
      "/extra/docker-compose",
      join(home, ".docker/cli-plugins/docker-compose"),
    ]);
    expect(paths).toContain("/usr/libexec/docker/cli-plugins/docker-compose");
    expect(paths.at(-1)).toBe(join(home, "bin/docker-compose"));
  });
});
