import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { Scratch } from "../support/scratch.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("podman's flags of run", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());
  const at = (name: string): string => join(tare.directory, name);
  const refused = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(args);
    expect([args, status]).toEqual([args, 125]);
    return stderr;
  };
  const pidOf = (name: string) => tare.must(["inspect", "-f", "{{.State.Pid}}", name]);
  const isThere = async (image: string): Promise<boolean> =>
    (await tare.tare(["image", "inspect", image])).status === 0;

  test("--pidfile and --conmon-pidfile tell the processes of each run", async () => {
    const [own, keeper] = [at("own.pid"), at("keeper.pid")];
    writeFileSync(own, "99999999999999");
    const flags = ["--pidfile", own, "--conmon-pidfile", keeper];
    await tare.must(["run", "-d", "--name", "told", ...flags, "busybox", "sleep", "1000"]);
    const isTold = async (): Promise<string> => {
      const pid = readFileSync(own, "utf8");
      expect(pid).toBe(await pidOf("told"));
      expect(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]).toBe(
        readFileSync(keeper, "utf8"),
      );
      return pid;
    };
    const first = await isTold();
    killDaemon(tare);
    await tare.must(["restart", "-t", "0", "told"]);
    expect(await isTold()).not.toBe(first);
    expect(
      await tare.must([
        "inspect",
        "-f",
        "{{.HostConfig.Tare.PidFile}} {{.HostConfig.Tare.KeeperPidFile}}",
        "told",
      ]),
    ).toBe(`${own} ${keeper}`);
    await tare.must(["rm", "-f", "told"]);
    const relative = join("..", at("later.pid")); // the command line runs in /
    await tare.must(["create", "--name", "later", "--pidfile", relative, "busybox", "sleep", "1000"]);
    expect(existsSync(at("later.pid"))).toBe(false);
    await tare.must(["start", "later"]);
    expect(readFileSync(at("later.pid"), "utf8")).toBe(await pidOf("later"));
    await tare.must(["rm", "-f", "later"]);
  });

  test("a PID file that is a link, or no file, stops the start, and nothing is written", async () => {
    const precious = at("precious");
    writeFileSync(precious, "precious");
    symlinkSync(precious, at("link.pid"));
    symlinkSync(at("nowhere"), at("dangling.pid"));
    mkdirSync(at("directory.pid"));
    execFileSync("mkfifo", [at("fifo.pid")]);
    for (const flag of ["--pidfile", "--conmon-pidfile"])
      for (const [name, words] of [
        ["link.pid", "it is a symbolic link"],
        ["dangling.pid", "it is a symbolic link"],
        ["directory.pid", "it is no regular file"],
        ["fifo.pid", "it is no regular file"],
        ["none/at.pid", "its directory is not there"],
      ] as const) {
        const said = await refused("run", "--name", "bad", flag, at(name), "busybox", "true");
        expect(said).toContain(`cannot write the PID file "${at(name)}": `);
        expect(said).toContain(words);
        expect(await tare.must(["inspect", "-f", "{{.State.Status}}", "bad"])).toMatch(/^(created|exited)$/);
        await tare.must(["rm", "bad"]);
      }
    expect(readFileSync(precious, "utf8")).toBe("precious");
    expect(existsSync(at("nowhere"))).toBe(false);
  });

  test("--rmi removes the image with the container, unless something else has it", async () => {
    await tare.must(["tag", "busybox", "once"]);
    expect(await tare.must(["run", "--rmi", "--name", "only", "once", "echo", "ran"])).toBe("ran");
    expect(await isThere("once")).toBe(false);
    expect((await tare.tare(["inspect", "only"])).status).not.toBe(0);
    expect(await isThere("busybox")).toBe(true);
    // Of an image that nothing else names: its layers, too.
    const source = await tare.must(["create", "busybox", "true"]);
    await tare.must(["cp", "-", `${source}:/`], {
      input: execFileSync("tar", ["-C", "/etc", "-c", "hostname"]),
    });
    const id = await tare.must(["commit", source, "own"]);
    await tare.must(["rm", source]);
    const user = await tare.must(["create", "own", "true"]);
    await tare.must(["run", "--rmi", "own", "true"]);
    expect(await isThere("own")).toBe(true);
    await tare.must(["rm", user]);
    const container = await tare.must(["run", "-d", "--rmi", "own", "cat", "/hostname"]);
    await tare.tare(["wait", "--condition", "removed", container]);
    for (const end = Date.now() + 10_000; Date.now() < end && (await isThere(id)); ) await Bun.sleep(20);
    expect(await isThere(id)).toBe(false);
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check"])).toContain("in order");
    expect(await isThere("busybox")).toBe(true);
  });

  test("--unsetenv-all leaves nothing but what the flags set, in exec, too", async () => {
    const find = (name: string) => tare.must(["run", "--rm", "busybox", "which", name]);
    const [printer, sleeper] = await Promise.all([find("env"), find("sleep")]);
    const flags = ["--unsetenv-all", "-e", "A=1"];
    const sorted = (text: string): readonly string[] => text.split("\n").sort();
    expect(sorted(await tare.must(["run", "--rm", ...flags, "busybox", printer]))).toEqual([
      "A=1",
      "HOME=/root",
    ]);
    expect(
      sorted(
        await tare
          .must(["run", "--rm", "-t", ...flags, "busybox", printer])
          .then((text) => text.replaceAll("\r", "")),
      ),
    ).toEqual(["A=1", "HOME=/root"]);
    await tare.must(["run", "-d", "--name", "bare", ...flags, "busybox", sleeper, "1000"]);
    expect(sorted(await tare.must(["exec", "-e", "B=2", "bare", printer]))).toEqual([
      "A=1",
      "B=2",
      "HOME=/root",
    ]);
    expect(
      await tare.must(["inspect", "-f", "{{json .Config.Env}} {{.HostConfig.Tare.UnsetEnvAll}}", "bare"]),
    ).toBe('["A=1"] true');
    await tare.must(["rm", "-f", "bare"]);
    expect(await tare.must(["run", "--rm", "busybox", printer])).toContain("PATH=");
  });

  test("--http-proxy passes the caller's proxies on, and --env comes before them", async () => {
    const env = { http_proxy: "http://proxy:1", NO_PROXY: "localhost", OTHER: "x" };
    const run = async (...flags: string[]): Promise<readonly string[]> =>
      (await tare.must(["run", "--rm", ...flags, "busybox", "env"], { env }))
        .split("\n")
        .filter((line) => /proxy|OTHER/i.test(line))
        .sort();
    expect(await run()).toEqual([]);
    expect(await run("--http-proxy")).toEqual(["NO_PROXY=localhost", "http_proxy=http://proxy:1"]);
    expect(await run("--http-proxy", "-e", "http_proxy=mine", "--unsetenv-all")).toEqual([
      "NO_PROXY=localhost",
      "http_proxy=mine",
    ]);
    expect(await run("--http-proxy=false")).toEqual([]);
  });

  test("proxies of Docker's configuration are set, but for what the command line says something of", async () => {
    using scratch = new Scratch("docker-config");
    const env = { DOCKER_CONFIG: scratch.path, http_proxy: "http://mine:1" };
    const write = (config: unknown): void =>
      writeFileSync(
        scratch.join("config.json"),
        typeof config === "string" ? config : JSON.stringify(config),
      );
    const run = async (...flags: string[]): Promise<readonly string[]> =>
      (await tare.must(["run", "--rm", ...flags, "busybox", "env"], { env }))
        .split("\n")
        .filter((line) => /proxy/i.test(line))
        .sort();
    write({ proxies: { default: { httpProxy: "http://proxy:1", noProxy: "a,b" }, "tcp://other:1": {} } });
    expect(await run()).toEqual([
      "HTTP_PROXY=http://proxy:1",
      "NO_PROXY=a,b",
      "http_proxy=http://proxy:1",
      "no_proxy=a,b",
    ]);
    writeFileSync(scratch.join("env"), "NO_PROXY=c\n");
    const flags = ["-e", "http_proxy=own", "--env-file", scratch.join("env"), "--unsetenv", "no_proxy"];
    expect(await run(...flags)).toEqual(["HTTP_PROXY=http://proxy:1", "NO_PROXY=c", "http_proxy=own"]);
    expect(await run("--http-proxy")).toContain("http_proxy=http://mine:1");
    expect(await run("--http-proxy=false")).toEqual([]);
    expect(await run("--unsetenv-all")).toEqual([]);
    const id = await tare.must(["create", "--name", "proxied", "busybox"], { env });
    expect(await tare.must(["inspect", "-f", "{{json .Config.Env}}", id])).toContain('"NO_PROXY=a,b"');
    await tare.must(["rm", id]);
    write({ proxies: { default: { httpProxy: "no" }, [`unix://${tare.socket}`]: { allProxy: "socks" } } });
    expect(await run()).toEqual(["ALL_PROXY=socks", "all_proxy=socks"]);
    for (const wrong of ["{", { proxies: { default: { httpProxy: 1 } } }]) {
      write(wrong);
      const { status, stdout, stderr } = await tare.tare(["run", "--rm", "busybox", "echo", "ran"], { env });
      expect([status, stdout]).toEqual([0, "ran\n"]);
      expect(stderr).toStartWith(`WARNING: cannot read ${scratch.join("config.json")}: `);
    }
  });

  test("what contradicts itself or can't be is refused, with what to do", async () => {
    expect(await tare.must(["run", "--rm", "--passwd=false", "busybox", "echo", "fine"])).toBe("fine");
    for (const [args, words] of [
      [["run", "--passwd=false", "--hostuser", "root"], "--passwd=false cannot be used with --passwd-entry"],
      [["run", "--init-path", "/sbin/tini"], "use --init"],
      [["create", "--init-path", "/sbin/tini"], "use --init"],
      [["run", "--rootfs"], "tare import"],
      [["create", "--authfile", at("no-such"), "--pull", "always"], "no such file or directory"],
    ] as const)
      expect([args, await refused(...args, "busybox", "true")]).toEqual([
        args,
        expect.stringContaining(words),
      ]);
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  const hasRegistry = Bun.which("docker-registry") !== null && Bun.which("openssl") !== null;
  describe.skipIf(!hasRegistry)("a registry with a certificate of its own and a password", () => {
    /** None of the loopback ones, which are trusted anyway. */
    const address = "198.51.100.77";
    let server: DockerRegistry;
    beforeAll(async () => {
      execFileSync("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
      server = await startDockerRegistry(at("registry"), { address });
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      execFileSync("ip", ["address", "del", `${address}/32`, "dev", "lo"]);
    });

    test("--tls-verify=false and --authfile let push, pull, run and create in, and only where they are given", async () => {
      const auth = Buffer.from("me:secret").toString("base64");
      writeFileSync(at("auth.json"), JSON.stringify({ auths: { [server.host]: { auth } } }));
      writeFileSync(at("wrong.json"), JSON.stringify({ auths: [] }));
      const env = { DOCKER_CONFIG: at("no-config") };
      const image = `${server.host}/app:1`;
      const [insecure, known] = [["--tls-verify=false"], ["--authfile", at("auth.json")]];
      const fails = async (...args: string[]): Promise<string> => {
        const { status, stdout, stderr } = await tare.tare(args, { env });
        expect([args, status]).not.toEqual([args, 0]);
        return stdout + stderr;
      };
      await tare.must(["tag", "busybox", image]);
      expect(await fails("push", ...known, image)).toMatch(/certificate/);
      expect(await fails("push", ...insecure, image)).toMatch(/denied|authenti|unauthorized|authoriz/i);
      await tare.must(["push", ...insecure, ...known, image], { env });
      for (const command of [
        ["pull"],
        ["run", "--rm", "--pull", "always"],
        ["create", "--rm", "--pull", "always"],
      ]) {
        expect(await fails(...command, ...known, image)).toMatch(/certificate/);
        expect(await fails(...command, ...insecure, image)).toMatch(/denied|authenti|unauthorized|authoriz/i);
        expect(await fails(...command, ...insecure, "--authfile", at("wrong.json"), image)).toContain(
          "auths must be an object of objects",
        );
        await tare.must(
          [...command, ...insecure, ...known, image, ...(command[0] === "pull" ? [] : ["true"])],
          {
            env,
          },
        );
      }
      expect(await fails("pull", "--authfile", at("none.json"), image)).toContain(
        "no such file or directory",
      );
    });
  });
});
