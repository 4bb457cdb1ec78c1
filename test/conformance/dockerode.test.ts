import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const node = Bun.which("node");
if (node === null) console.log("skipped: dockerode (apt-get install nodejs)");

describe.skipIf(!isRoot || node === null)("dockerode with the engine", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  /** One scenario of dockerode-process.mjs in a process of its own. */
  async function run(scenario: string, ...words: readonly string[]): Promise<unknown> {
    const script = join(import.meta.dir, "dockerode-process.mjs");
    const child = spawn(node ?? "", [script, tare.clientSocket, scenario, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      new Promise<number | null>((resolve) => child.on("close", resolve)),
    ]);
    clearTimeout(timer);
    if (code !== 0) throw new Error(`${scenario} ended with ${String(code)}: ${out}${err}`);
    return JSON.parse(out) as unknown;
  }

  test("ping, version and info", async () => {
    expect(await run("system")).toEqual({ ping: "OK", api: "1.56", driver: "overlay", os: "linux" });
  });

  test("loadImage, listImages, inspect, tag, history, remove; pull answers clearly", async () => {
    expect(await run("images", busyboxArchive())).toEqual({
      loaded: expect.stringContaining("Loaded image: busybox:latest"),
      tags: ["busybox:latest"],
      cmd: ["sh"],
      history: 1,
      removed: [{ Untagged: "mine:1" }],
      absent: { status: 404, message: "No such image: mine:1" },
      pull: { status: 503, message: expect.stringContaining("connection refused") },
    });
  });

  test("create, attach, start, wait, list, rename, remove", async () => {
    expect(await run("life")).toEqual({
      created: "created",
      status: 3,
      out: "out\n",
      err: "err\n",
      listed: ["/life", "exited"],
      again: {
        status: 409,
        message: expect.stringContaining('The container name "/life" is already in use'),
      },
      name: "/past",
      gone: { status: 404, message: expect.stringMatching(/^No such container: [0-9a-f]{64}$/) },
    });
  });

  test("input over a hijacked connection, with its half-close", async () => {
    expect(await run("input")).toEqual({ isSame: true, bytes: 160_006, status: 0 });
  });

  test("run() gives the terminal's bytes and the status", async () => {
    expect(await run("run")).toEqual({ status: 4, said: "said\r\n/dev/pts/0\r\n" });
  });

  test("exec: streams, user, directory, variables, input, terminal, codes", async () => {
    expect(await run("exec")).toEqual({
      plain: { out: "1000\n/tmp\ny\n", err: "err\n", code: 7, isRunning: false },
      fed: "fed",
      terminal: { out: "/dev/pts/0\r\n20 70\r\n", code: 0, isRunning: false },
      missing: {
        out: "",
        err: expect.stringContaining("executable file not found"),
        code: 127,
        isRunning: false,
      },
      stopped: { status: 409, message: expect.stringContaining("is not running") },
    });
  });

  test("logs: followed to the end, and the tail with times", async () => {
    expect(await run("logs")).toEqual({
      out: "1\n2\n3\n",
      err: "err\n",
      kind: 1,
      tail: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z 3\n$/),
    });
  });

  test("resize, kill, stop, restart, remove", async () => {
    expect(await run("control")).toEqual({
      removal: {
        status: 409,
        message: expect.stringContaining(
          ": container is running: stop the container before removing or force remove",
        ),
      },
      twice: { status: 304, message: expect.anything() },
      ExitCode: 5,
      Running: true,
    });
  });

  test("events as they come", async () => {
    expect(await run("events")).toEqual({ actions: ["create", "start", "die", "destroy"] });
  });

  test("connections that are given up leave nothing", async () => {
    expect(await run("abandoned")).toEqual({ Status: "running", left: 0 });
  });
});
