import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectEngine } from "../../src/mod.ts";
import { busyboxRootfsTar } from "../support/images.ts";
import { staticProgram } from "../support/attacker.ts";
import { executable, Installation, isRoot, waitUntilEmpty } from "../support/tare.ts";

const hasAgent = Bun.which("ssh-agent") !== null;
if (!hasAgent) console.log("skipped: ssh-agent (apt-get install openssh-client)");

describe.skipIf(!isRoot || !hasAgent)("tare build --ssh", () => {
  let tare: Installation;
  let agent: ChildProcess;
  let socket: string;
  let key: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["import", busyboxRootfsTar(), "base:1"]);
    socket = join(tare.directory, "agent.sock");
    agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    while (!existsSync(socket)) await Bun.sleep(20);
    key = join(tare.directory, "key");
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "key of the test", "-f", key]);
    spawnSync("ssh-add", [key], { env: { PATH: process.env["PATH"], SSH_AUTH_SOCK: socket } });
  });
  afterAll(async () => {
    agent.kill();
    await tare[Symbol.asyncDispose]();
  });

  /** A context with the program that lists keys. */
  function contextOf(name: string, dockerfile: string): string {
    const path = join(tare.directory, name);
    mkdirSync(path, { recursive: true });
    copyFileSync(staticProgram("agent-client"), join(path, "agent-client"));
    writeFileSync(join(path, "Dockerfile"), `FROM base:1\nCOPY agent-client /\n${dockerfile}\n`);
    return path;
  }

  async function build(
    context: string,
    ...words: readonly string[]
  ): Promise<{ readonly status: number | null; readonly out: string }> {
    const args = ["build", "--progress=plain", "--no-cache", ...words, context];
    const { status, stdout, stderr } = await tare.tare(args, { env: { SSH_AUTH_SOCK: socket } });
    return { status, out: `${stdout}${stderr}` };
  }

  const agentSockets = (): readonly string[] => {
    const builds = join(tare.runRoot, "builds");
    return existsSync(builds) ? readdirSync(builds) : [];
  };

  test("a step reaches the agents of the command line, several times and at once", async () => {
    const context = contextOf(
      "agents",
      [
        "RUN --mount=type=ssh /agent-client; /agent-client",
        "RUN --mount=type=ssh,id=other for i in 1 2 3 4 5 6 7 8; do /agent-client & done; wait",
      ].join("\n"),
    );
    const { status, out } = await build(context, "--ssh", "default", "--ssh", `other=${socket}`);
    expect({ status, out: status === 0 ? "" : out }).toEqual({ status: 0, out: "" });
    expect(out.match(/key of the test/g)).toHaveLength(10);
    expect(agentSockets()).toEqual([]);
  });

  test("one that is absent is left out, or fails the step that needs it", async () => {
    const optional = contextOf("optional", "RUN --mount=type=ssh ls $SSH_AUTH_SOCK 2>&1 || echo went on");
    expect((await build(optional)).out).toContain("went on");
    expect((await build(optional, "--ssh", `other=${socket}`)).out).toContain("went on");
    const needed = contextOf("needed", "RUN --mount=type=ssh,required=true /agent-client");
    const { status, out } = await build(needed);
    expect([status, out]).toEqual([
      1,
      expect.stringContaining('no SSH key "default" forwarded from the client'),
    ]);
  });

  test("an agent that does not answer ends the connection of the step", async () => {
    const dead = join(tare.directory, "dead.sock");
    using listener = Bun.listen({ unix: dead, socket: { open: (each) => void each.end(), data: () => {} } });
    const context = contextOf("dead", "RUN --mount=type=ssh /agent-client || echo went on");
    expect(listener.unix).toBe(dead);
    expect((await build(context, "--ssh", `default=${dead}`)).out).toContain("went on");
  });

  test.each([
    ["default=/nowhere", "failed to stat /nowhere: stat /nowhere: no such file or directory"],
    ["=a", 'invalid ssh value: "=a"'],
    ["a=b,c", "several keys of one ssh id are not supported"],
    ["default=/etc/passwd", 'cannot forward the key "/etc/passwd": Tare forwards sockets of agents'],
  ])("--ssh %s is refused with one sentence", async (word, sentence) => {
    const { status, out } = await build(contextOf("refused", "RUN true"), "--ssh", word);
    expect([status === 0, out]).toEqual([false, expect.stringContaining(sentence)]);
    expect(out.trim().split("\n")).toHaveLength(out.includes("See 'tare") ? 2 : 1);
  });

  test("a program gives the agents of its own by the library", async () => {
    const context = contextOf("library", "RUN --mount=type=ssh,id=own,required=true /agent-client");
    let out = "";
    await using engine = await connectEngine({ host: `unix://${tare.socket}` });
    await engine.build({
      context,
      noCache: true,
      ssh: { own: socket },
      onProgress: (event) => {
        if (event.kind === "log") out += Buffer.from(event.bytes).toString();
      },
    });
    expect(out).toContain("key of the test");
  });

  test("a client that vanishes ends the step and its socket", async () => {
    const context = contextOf("vanishing", "RUN --mount=type=ssh /agent-client; sleep 100");
    const words = ["build", "--progress=plain", "--ssh", `default=${socket}`, context];
    const client = spawn(executable, [...tare.globalFlags, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    client.stderr.on("data", (chunk: Buffer) => void (out += chunk.toString()));
    for (let count = 0; !out.includes("key of the test") && count < 600; count++) await Bun.sleep(50);
    expect(out).toContain("key of the test");
    client.kill("SIGKILL");
    expect(await waitUntilEmpty(agentSockets)).toEqual([]);
    expect(await waitUntilEmpty(() => tare.keeperPids().map(String))).toEqual([]);
  });
});
