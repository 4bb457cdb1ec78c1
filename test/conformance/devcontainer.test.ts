import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findDockerCli } from "../support/docker-cli.ts";
import { busyboxArchive } from "../support/images.ts";
import { findNode24 } from "../support/node-24.ts";
import { slowness } from "../support/patience.ts";
import { type Finished, Installation, isRoot, repository } from "../support/tare.ts";

const node = findNode24();
const docker = findDockerCli();
if (node === undefined || docker === undefined)
  console.log("skipped: the devcontainer CLI (npm install node@24, apt-get install docker-cli)");

const configuration = {
  name: "workspace",
  image: "busybox",
  remoteUser: "root",
  containerEnv: { OF_CONTAINER: "one" },
  remoteEnv: { OF_COMMANDS: "two" },
  mounts: ["type=volume,source=kept,target=/cache"],
  runArgs: ["--cap-add=SYS_PTRACE", "--security-opt", "seccomp=unconfined"],
  postCreateCommand: "echo created >> /cache/log",
  postStartCommand: "echo started >> /cache/log",
};

describe.skipIf(!isRoot || node === undefined || docker === undefined)("the devcontainer CLI", () => {
  let tare: Installation;
  let workspace: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    workspace = join(tare.directory, "workspace");
    mkdirSync(join(workspace, ".devcontainer"), { recursive: true });
    writeFileSync(join(workspace, ".devcontainer/devcontainer.json"), JSON.stringify(configuration));
    mkdirSync(join(tare.directory, "bin"));
    copyFileSync(docker ?? "", join(tare.directory, "bin/docker"));
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  async function run(...words: readonly string[]): Promise<Finished> {
    const script = join(repository, "node_modules/@devcontainers/cli/devcontainer.js");
    const child = spawn(node ?? "", [script, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: `${tare.directory}/bin:${process.env["PATH"] ?? ""}`,
        HOME: tare.directory,
        DOCKER_HOST: `unix://${tare.clientSocket}`,
      },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000 * slowness);
    const [stdout, stderr, status] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      new Promise<number | null>((resolve) => child.on("close", resolve)),
    ]);
    clearTimeout(timer);
    return { status, stdout, stderr };
  }

  async function up(...words: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await run("up", "--workspace-folder", workspace, ...words);
    if (status !== 0) throw new Error(`up ended with ${String(status)}: ${stdout}${stderr}`);
    const { outcome, containerId } = JSON.parse(stdout) as { outcome: string; containerId: string };
    expect(outcome).toBe("success");
    return containerId;
  }

  const commands = ["exec", "--workspace-folder"];

  test("up creates it, exec runs in it, up finds it again, stopped too, and replaces it", async () => {
    const id = await up();
    writeFileSync(join(workspace, "file"), "of the host");
    const shown = 'pwd; cat file; echo; echo "$OF_CONTAINER $OF_COMMANDS"; cat /cache/log; exit 4';
    expect(await run(...commands, workspace, "sh", "-c", shown)).toMatchObject({
      status: 4,
      stdout: "/workspaces/workspace\nof the host\none two\ncreated\nstarted\n",
    });
    expect(await up()).toBe(id);
    await tare.must(["stop", "-t", "0", id]);
    expect(await up()).toBe(id);
    const log = ["sh", "-c", "cat /cache/log"];
    expect((await run(...commands, workspace, ...log)).stdout).toBe("created\nstarted\nstarted\n");
    expect(await up("--remove-existing-container")).not.toBe(id);
    expect(await tare.must(["ps", "-aq"])).toHaveLength(12);
    expect((await run(...commands, workspace, ...log)).stdout).toEndWith("started\ncreated\nstarted\n");
  });

  test("up builds a Dockerfile with arguments and a user who is not root", async () => {
    const built = join(tare.directory, "built");
    mkdirSync(join(built, ".devcontainer"), { recursive: true });
    writeFileSync(join(built, ".devcontainer/message"), "of the context\n");
    writeFileSync(
      join(built, ".devcontainer/Dockerfile"),
      `FROM busybox AS base
ARG WHAT
RUN mkdir -p /etc /home/developer && chown 1234:1234 /home/developer && echo $WHAT > /what && \\
  echo developer:x:1234:1234::/home/developer:/bin/sh >> /etc/passwd && echo developer:x:1234: >> /etc/group
FROM base AS dev
COPY --chown=developer message /home/developer/
USER developer
`,
    );
    const build = { dockerfile: "Dockerfile", context: ".", target: "dev", args: { WHAT: "an argument" } };
    const parts = { build, remoteUser: "developer", updateRemoteUserUID: false };
    writeFileSync(join(built, ".devcontainer/devcontainer.json"), JSON.stringify(parts));
    const { status, stdout, stderr } = await run("up", "--workspace-folder", built);
    expect({ status, shown: status === 0 ? "" : stdout + stderr }).toEqual({ status: 0, shown: "" });
    const script = "id -un; cat /what ~/message; stat -c %U ~/message; touch ~/new && echo written";
    expect(await run(...commands, built, "sh", "-c", script)).toMatchObject({
      status: 0,
      stdout: "developer\nan argument\nof the context\ndeveloper\nwritten\n",
    });
  });

  test("what is wrong is said", async () => {
    const missing = join(tare.directory, "missing");
    mkdirSync(join(missing, ".devcontainer"), { recursive: true });
    writeFileSync(join(missing, ".devcontainer/devcontainer.json"), '{"image":"localhost:1/none:1"}');
    const { status, stdout, stderr } = await run("up", "--workspace-folder", missing);
    expect({ status, outcome: (JSON.parse(stdout) as { outcome: string }).outcome }).toEqual({
      status: 1,
      outcome: "error",
    });
    expect(stderr + stdout).toContain("localhost:1/none:1");
  });
});
