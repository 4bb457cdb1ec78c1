import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { findDockerCli } from "../support/docker-cli.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot, launcher } from "../support/tare.ts";

const docker = findDockerCli();
const hasCompose =
  existsSync("/usr/libexec/docker/cli-plugins/docker-compose") || Bun.which("docker-compose") !== null;

describe.skipIf(!isRoot)("Docker's client and Compose with this engine", () => {
  let tare: Installation;
  let home: string;

  beforeAll(async () => {
    // This file's mount namespace: the machine's own sockets and settings are out of sight.
    for (const path of ["/run", "/etc/tmpfiles.d"]) spawnSync("mount", ["-t", "tmpfs", "none", path]);
    tare = new Installation();
    home = join(tare.directory, "home");
    mkdirSync(home);
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const asUser = (...args: readonly string[]): { readonly status: number | null; readonly out: string } => {
    const [program = "", ...words] = args;
    const { status, stdout, stderr } = spawnSync(program, words, {
      encoding: "utf8",
      cwd: home,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: home },
      timeout: 60_000,
    });
    return { status, out: `${stdout}${stderr}`.trim() };
  };

  test.skipIf(docker === undefined)(
    "docker uses the context of tare init docker until it is undone",
    async () => {
      expect(
        (await tare.tare(["init", "docker", "--method", "context"], { env: { HOME: home } })).status,
      ).toBe(0);
      expect(asUser(docker ?? "", "run", "--rm", "busybox", "echo", "hi")).toEqual({ status: 0, out: "hi" });
      const { stdout } = await tare.tare(["init", "docker", "--method", "context", "--undo"], {
        env: { HOME: home },
      });
      expect(stdout).toContain("Removed the context");
      expect(asUser(docker ?? "", "context", "show").out).toBe("default");
    },
  );

  test("the launcher leaves a command to the main binary when a configuration or DOCKER_CONTEXT changes it", async () => {
    const context = ["context", "create", "here", "--docker", `host=unix://${tare.socket}`];
    expect(asUser(launcher, ...context).status).toBe(0);
    expect(asUser(launcher, "context", "use", "here").status).toBe(0);
    expect(asUser(launcher, "images", "-q", "--no-trunc").out).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(asUser(launcher, "run", "--rm", "busybox", "echo", "hi")).toEqual({ status: 0, out: "hi" });
    asUser(launcher, "context", "use", "default");
    const at = ["--host", `unix://${tare.socket}`];
    writeFileSync(join(home, ".docker/config.json"), '{"imagesFormat": "{{.Repository}}!"}');
    expect(asUser(launcher, ...at, "images").out).toBe("busybox!");
    writeFileSync(join(home, ".docker/config.json"), "{}");
    expect(asUser(launcher, ...at, "images").out).toStartWith("REPOSITORY");
    const named = asUser("env", "DOCKER_CONTEXT=here", launcher, "images", "-q");
    expect(named.out).toMatch(/^[0-9a-f]{12}$/);
    expect(asUser("env", "DOCKER_CONTEXT=nope", launcher, "ps").out).toContain(
      'context "nope": context not found',
    );
  });

  test("/var/run/docker.sock becomes a link, and only where nobody listens", async () => {
    const init = async (
      ...more: readonly string[]
    ): Promise<{ readonly status: number | null; readonly text: string }> => {
      const { status, stdout, stderr } = await tare.tare(["init", "docker", "--method", "socket", ...more]);
      return { status, text: `${stdout}${stderr}` };
    };
    const server = createServer().listen("/run/docker.sock");
    await new Promise((resolve) => server.once("listening", resolve));
    const refused = await init();
    expect([refused.status, refused.text]).toEqual([1, expect.stringContaining("a daemon listens on")]);
    expect((await init("--undo")).text).toStartWith("Nothing to undo");
    await new Promise((resolve) => server.close(resolve));
    writeFileSync("/run/docker.sock", "");
    expect((await init()).text).toContain("exists and is no socket");
    spawnSync("rm", ["/run/docker.sock"]);
    expect((await init()).status).toBe(0);
    expect(readlinkSync("/run/docker.sock")).toBe(tare.socket);
    expect((await init()).text).toStartWith("Already done");
    if (docker !== undefined)
      expect(asUser(docker, "images", "--format", "{{.Repository}}")).toEqual({ status: 0, out: "busybox" });
    expect((await init("--undo")).text).toStartWith("Removed");
    expect(readdirSync("/run").filter((name) => name.startsWith("docker"))).toEqual([]);
    expect(readdirSync("/etc/tmpfiles.d")).toEqual([]);
  });

  test.skipIf(!hasCompose)(
    "tare compose runs Compose with this engine, and its exit status is Compose's",
    async () => {
      writeFileSync(
        join(home, "compose.yml"),
        "name: small\nservices:\n  one: { image: busybox, command: sleep 1000, network_mode: none, stop_grace_period: 0s }\n",
      );
      const compose = async (...words: readonly string[]): ReturnType<Installation["tare"]> =>
        await tare.tare(["compose", "-f", join(home, "compose.yml"), ...words], { env: { HOME: home } });
      expect((await compose("up", "-d")).status).toBe(0);
      expect(await tare.must(["ps", "--format", "{{.Names}}"])).toBe("small-one-1");
      expect((await compose("exec", "-T", "one", "sh", "-c", "exit 7")).status).toBe(7);
      expect((await compose("down")).status).toBe(0);
      const { status, stderr } = await tare.tare(["compose", "up"], {
        env: { HOME: home, PATH: "/nonexistent" },
      });
      if (!existsSync("/usr/libexec/docker/cli-plugins/docker-compose"))
        expect([status, stderr]).toEqual([1, expect.stringContaining("cannot find Docker Compose; install")]);
    },
  );
});
