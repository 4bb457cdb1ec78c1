import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { staticProgram } from "../support/attacker.ts";
import { busyboxRootfsTar } from "../support/images.ts";
import { Installation, isRoot, waitUntilEmpty } from "../support/tare.ts";

const docker = Bun.which("docker");
const hasBuildx = docker !== null && spawnSync(docker, ["buildx", "version"]).status === 0;
const hasAgent = Bun.which("ssh-agent") !== null;
if (!hasBuildx) console.log("skipped: docker buildx (apt-get install docker-cli docker-buildx)");
if (!hasAgent) console.log("skipped: ssh-agent (apt-get install openssh-client)");

describe.skipIf(!isRoot || !hasBuildx || !hasAgent)("the client's ssh agent in a step", () => {
  let tare: Installation;
  let agent: ReturnType<typeof spawn>;
  let directory: string;

  beforeAll(async () => {
    tare = new Installation();
    ({ directory } = tare);
    await tare.must(["import", busyboxRootfsTar(), "base:1"]);
    const socket = join(directory, "agent.sock");
    agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    while (!existsSync(socket)) await Bun.sleep(20);
    const key = join(directory, "key");
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "key of the test", "-f", key]);
    spawnSync("ssh-add", [key], { env: { PATH: process.env["PATH"], SSH_AUTH_SOCK: socket } });
  });
  afterAll(async () => {
    agent.kill();
    await tare[Symbol.asyncDispose]();
  });

  const environment = (): Record<string, string> => ({
    PATH: process.env["PATH"] ?? "",
    HOME: directory,
    DOCKER_HOST: `unix://${tare.socket}`,
    DOCKER_BUILDKIT: "1",
  });

  /** A context with the program that lists keys. */
  function contextOf(name: string, dockerfile: string): string {
    const path = join(directory, name);
    mkdirSync(path, { recursive: true });
    copyFileSync(staticProgram("agent-client"), join(path, "agent-client"));
    writeFileSync(join(path, "Dockerfile"), `FROM base:1\nCOPY agent-client /\n${dockerfile}`);
    return path;
  }

  function build(context: string, ...words: readonly string[]): { status: number | null; out: string } {
    const args = ["buildx", "build", "--progress=plain", "--no-cache", ...words, context];
    const options = { cwd: directory, env: environment(), encoding: "utf8", timeout: 60_000 } as const;
    const { status, stdout, stderr } = spawnSync(docker ?? "", args, options);
    return { status, out: `${stdout}${stderr}` };
  }

  const agentSockets = (): readonly string[] => {
    const builds = join(tare.runRoot, "builds");
    return existsSync(builds) ? readdirSync(builds) : [];
  };

  test("lists its keys, and is gone with the step", () => {
    const context = contextOf(
      "keys",
      [
        "RUN --mount=type=ssh echo $SSH_AUTH_SOCK; /agent-client; /agent-client",
        "RUN --mount=type=ssh,id=other,target=/a.sock,mode=0666,uid=7,gid=8 stat -c '%a %u:%g %F' $SSH_AUTH_SOCK; SSH_AUTH_SOCK=/a.sock su -s /bin/sh nobody -c /agent-client || true",
        "RUN ls /a.sock /run/buildkit 2>&1; echo sock=$SSH_AUTH_SOCK",
      ].join("\n"),
    );
    const { status, out } = build(context, "--ssh", "default=agent.sock", "--ssh", "other=agent.sock");
    expect({ status, out: status === 0 ? "" : out }).toEqual({ status: 0, out: "" });
    expect(out).toContain("/run/buildkit/ssh_agent.0");
    expect(out.match(/key of the test/g)?.length).toBeGreaterThanOrEqual(2);
    expect(out).toContain("666 7:8 socket");
    expect(out).toMatch(/ls: \/a\.sock: No such file/);
    expect(out).toMatch(/sock=$/m);
    expect(agentSockets()).toEqual([]);
  });

  test("one that is absent is left out, or fails the step that needs it", () => {
    const optional = contextOf("optional", "RUN --mount=type=ssh ls $SSH_AUTH_SOCK 2>&1 || echo went on\n");
    expect(build(optional).out).toContain("went on");
    const needed = contextOf("needed", "RUN --mount=type=ssh,required=true /agent-client\n");
    const { status, out } = build(needed);
    expect(status).toBe(1);
    expect(out).toContain('no SSH key "default" forwarded from the client');
    expect(agentSockets()).toEqual([]);
  });

  test("a client that vanishes ends the step and its socket", async () => {
    const context = contextOf("vanishing", "RUN --mount=type=ssh echo begun; /agent-client; sleep 100\n");
    const args = [
      "buildx",
      "build",
      "--progress=plain",
      "--no-cache",
      "--ssh",
      "default=agent.sock",
      context,
    ];
    const child = spawn(docker ?? "", args, { cwd: directory, env: environment() });
    let out = "";
    child.stderr.on("data", (chunk: Buffer) => void (out += chunk.toString()));
    await tare.must(["version"]);
    for (let count = 0; !out.includes("key of the test") && count < 600; count++) await Bun.sleep(50);
    expect(out).toContain("key of the test");
    child.kill("SIGKILL");
    await waitUntilEmpty(agentSockets);
    await waitUntilEmpty(() => tare.keeperPids().map(String));
  });
});
