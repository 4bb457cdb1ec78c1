import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findDockerCli } from "../support/docker-cli.ts";
import { type DaemonUnderTest, startDaemon } from "../unit/daemon/daemon-under-test.ts";

const folder = mkdtempSync(join(tmpdir(), "tare-docker-cli-"));
const docker = findDockerCli();
if (docker === undefined)
  console.log("skipped: docker-cli (apt-get install docker-cli, or let apt-get download it)");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let daemon: DaemonUnderTest;

async function run(args: readonly string[], input = ""): Promise<Outcome> {
  const child = Bun.spawn([docker ?? "", "--host", `unix://${daemon.socketPath}`, ...args], {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, DOCKER_CONFIG: folder },
    timeout: 10_000,
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

describe.skipIf(docker === undefined)("docker-cli", () => {
  beforeAll(async () => {
    daemon = await startDaemon();
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("version and info", async () => {
    const version = await run(["version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}"]);
    expect(version).toMatchObject({ code: 0, stdout: "0.1.0 1.56\n" });
    const info = await run(["info"]);
    expect(info.code).toBe(0);
    expect(info.stdout).toContain("Storage Driver: overlay\n  Backing Filesystem: ext4\n");
    expect(info.stderr).toContain("cannot raise limits");
  });

  test("images, history, image inspect", async () => {
    const images = await run(["images", "--format", "{{.Repository}}:{{.Tag}} {{.Size}}"]);
    expect(images).toMatchObject({ code: 0, stdout: "busybox:latest 4MB\n" });
    expect((await run(["history", "-q", "busybox"])).stdout).toBe("bbbbbbbbbbbb\n");
    const inspect = await run([
      "image",
      "inspect",
      "--format",
      "{{.Architecture}} {{.Config.Cmd}}",
      "busybox",
    ]);
    expect(inspect.stdout).toBe("amd64 [sh]\n");
  });

  test("run prints the output and passes the code on", async () => {
    expect(await run(["run", "--rm", "busybox", "echo", "hello"])).toMatchObject({
      code: 0,
      stdout: "hello\n",
    });
    expect((await run(["run", "--rm", "busybox", "exit", "3"])).code).toBe(3);
    expect((await run(["ps", "-aq"])).stdout).toBe("");
  });

  test("run -i feeds standard input to its end", async () => {
    const input = "line\n".repeat(100_000);
    const outcome = await run(["run", "-i", "--rm", "busybox", "cat"], input);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toBe(input);
  });

  test("run with many flags is taken", async () => {
    const taken =
      "run --rm --privileged -v /tmp:/x --tmpfs /y --shm-size 1m -m 64m --cpus 1 --pids-limit 5 --ulimit nofile=10:20 --cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt no-new-privileges --security-opt systempaths=unconfined --read-only --network none --pid host --ipc host --cgroupns host -e A=b -w /x -u 1 -h hh --add-host a:1.2.3.4 --label l=m --stop-signal INT --stop-timeout 3 --oom-score-adj -500 --mount type=bind,src=/tmp,dst=/z,readonly --mount type=tmpfs,dst=/t,tmpfs-size=1m busybox echo ok";
    expect(await run(taken.split(" "))).toEqual({
      code: 0,
      stdout: "ok\n",
      stderr: "WARNING: cannot lower the score\n",
    });
  });

  test("failures have Docker's codes and words", async () => {
    const absent = await run(["run", "private", "true"]);
    expect(absent.code).toBe(125);
    expect(absent.stderr).toContain("Unable to find image 'private:latest' locally");
    expect(absent.stderr).toContain("pull access denied for private:latest");
    expect((await run(["run", "--rm", "busybox", "missing"])).code).toBe(127);
    await run(["create", "--name", "taken", "busybox", "cat"]);
    const taken = await run(["create", "--name", "taken", "busybox", "cat"]);
    expect(taken.stderr).toContain('Conflict. The container name "/taken" is already in use by container "');
    expect((await run(["rm", "none"])).stderr).toContain("No such container: none");
    expect((await run(["rm", "taken"])).stdout).toBe("taken\n");
  });

  test("a life: run -d, ps, exec, logs, top, stop, start, rename, wait, rm", async () => {
    const { stdout } = await run(["run", "-d", "--name", "life", "busybox", "sleep", "60"]);
    const id = stdout.trim();
    expect(id).toHaveLength(64);
    const row = await run(["ps", "--format", "{{.ID}} {{.Image}} {{.Names}} {{.State}}"]);
    expect(row.stdout).toBe(`${id.slice(0, 12)} busybox life running\n`);
    expect(await run(["exec", "life", "echo", "in"])).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await run(["exec", "-i", "life", "cat"], "fed")).toMatchObject({ code: 0, stdout: "fed" });
    expect((await run(["exec", "life", "exit", "7"])).code).toBe(7);
    expect(await run(["exec", "life", "missing"])).toEqual({
      code: 127,
      stdout: "",
      stderr: 'cannot execute "missing"\r\n',
    });
    expect((await run(["exec", "-d", "life", "echo", "x"])).code).toBe(0);
    expect((await run(["top", "life"])).stdout).toBe("PID                 CMD\n4711                sh\n");
    expect((await run(["rm", "life"])).stderr).toContain(
      'cannot remove container "/life": container is running',
    );
    const following = run(["logs", "-f", "life"]);
    await daemon.engine.find("life").process.output("stdout", "said\n");
    await Bun.sleep(100);
    expect((await run(["stop", "life"])).stdout).toBe("life\n");
    expect(await following).toMatchObject({ code: 0, stdout: "said\n" });
    expect((await run(["logs", "-t", "--tail", "1", "life"])).stdout).toBe(
      "2023-11-14T22:13:20.123456789Z said\n",
    );
    expect((await run(["wait", "life"])).stdout).toBe("143\n");
    expect((await run(["rename", "life", "past"])).code).toBe(0);
    expect((await run(["inspect", "--format", "{{.State.Status}} {{.Name}}", id])).stdout).toBe(
      "exited /past\n",
    );
    expect((await run(["rm", "past"])).stdout).toBe("past\n");
  });

  test("load, import, tag, rmi, pull", async () => {
    expect((await run(["load"], "good")).stdout).toContain("Loaded image: busybox:latest");
    expect((await run(["load"], "half")).stderr).toContain("cannot load the archive: a layer is cut");
    expect((await run(["import", "-", "made:1"], "tar")).stdout).toStartWith("sha256:");
    expect((await run(["tag", "busybox", "other:2"])).code).toBe(0);
    expect((await run(["rmi", "other:2"])).stdout).toContain("Untagged: other:2");
    const pull = await run(["pull", "x"]);
    expect([pull.code, pull.stdout]).toEqual([0, expect.stringContaining("aaaaaaaaaaaa: Pull complete")]);
    const push = await run(["push", "x"]);
    expect([push.code, push.stdout]).toEqual([0, expect.stringContaining("aaaaaaaaaaaa: Pushed")]);
    const refused = await run(["pull", "private"]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("pull access denied for private"),
    ]);
  });

  test("events, network ls, volume ls, system df", async () => {
    daemon.engine.emit("container", "create", "aaaa1111");
    const events = await run([
      "events",
      "--since",
      "1",
      "--until",
      "2000000000",
      "--format",
      "{{.Action}} {{.ID}}",
    ]);
    expect(events.stdout).toContain("create aaaa1111\n");
    expect((await run(["network", "ls", "--format", "{{.Name}} {{.Driver}}"])).stdout).toBe(
      "bridge bridge\nhost host\nnone null\n",
    );
    expect(await run(["volume", "ls", "-q"])).toMatchObject({ code: 0, stdout: "" });
    expect((await run(["system", "df", "--format", "{{.Type}} {{.TotalCount}}"])).stdout).toContain(
      "Images 1\n",
    );
  });
});
