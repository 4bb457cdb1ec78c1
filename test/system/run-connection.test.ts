import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

/** What lies between a client and the daemon: `run` has one connection, on which everything comes. */
describe.skipIf(!isRoot)("the connection of a run", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  /** Passes on what a client of ours and the daemon say, and keeps the connections. */
  async function passOn(): Promise<
    Disposable & { readonly flags: readonly string[]; readonly sockets: readonly Socket[] }
  > {
    const path = `${tare.directory}/between.sock`;
    const sockets: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (client) => {
      const daemon = connect({ path: tare.socket, allowHalfOpen: true });
      sockets.push(client);
      for (const [one, other] of [
        [client, daemon],
        [daemon, client],
      ] as const) {
        one.on("error", () => {});
        one.on("close", () => other.destroy());
        one.pipe(other);
      }
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    // The client knows by it whom it asks.
    copyFileSync(`${tare.socket}.build`, `${path}.build`);
    return { flags: ["--host", `unix://${path}`], sockets, [Symbol.dispose]: () => void server.close() };
  }

  const isRunning = async (name: string): Promise<true | undefined> =>
    (await tare.tare(["inspect", "--format", "{{.State.Running}}", name])).stdout === "true\n"
      ? true
      : undefined;

  test("is the only one, with a terminal and without", async () => {
    for (const [status, ...words] of [
      [0, "busybox", "echo", "said"],
      [0, "-t", "busybox", "echo", "said"],
      [3, "-i", "busybox", "sh", "-c", "echo said; cat; exit 3"],
      [0, "-a", "stdout", "busybox", "sh", "-c", "echo said; echo unheard >&2"],
    ] as const) {
      using between = await passOn();
      const finished = await tare.tare([...between.flags, "run", "--rm", ...words]);
      expect([words, finished]).toEqual([
        words,
        { status, stdout: words[0] === "-t" ? "said\r\n" : "said\n", stderr: "" },
      ]);
      expect(between.sockets).toHaveLength(1);
    }
  });

  test("is lost in the middle: the command says so, and the container goes on", async () => {
    using between = await passOn();
    const words = ["--name", "left", "busybox", "sh", "-c", "echo said; sleep 1000"];
    const asked = tare.tare([...between.flags, "run", ...words]);
    await poll(() => isRunning("left"), { timeoutMs: 10_000, what: "run" });
    for (const socket of between.sockets) socket.destroy();
    expect(await asked).toEqual({
      status: 125,
      stdout: "said\n",
      stderr: expect.stringMatching(
        /^tare: cannot follow container [0-9a-f]{12} any longer: the connection to the daemon is lost; the container keeps running\n$/,
      ),
    });
    expect(await isRunning("left")).toBe(true);
    await tare.must(["rm", "-f", "left"]);
  });

  test("goes with a client that is killed, whose container goes on and can be joined", async () => {
    const words = [
      "run",
      "-i",
      "--rm",
      "--name",
      "alone",
      "busybox",
      "sh",
      "-c",
      "cat; echo went on; sleep 1000",
    ];
    const client = spawn(executable, [...tare.globalFlags, ...words], { stdio: ["pipe", "pipe", "inherit"] });
    client.stdin.write("heard\n");
    await new Promise((resolve) => client.stdout.once("data", resolve));
    client.kill("SIGKILL");
    const hasGoneOn = async (): Promise<true | undefined> =>
      (await tare.must(["logs", "alone"])) === "heard\nwent on" ? true : undefined;
    await poll(hasGoneOn, { timeoutMs: 10_000, what: "see the end of the input" });
    expect(await isRunning("alone")).toBe(true);
    await tare.must(["rm", "-f", "alone"]);
  });

  test("tells the exit of a container whose keeper is killed", async () => {
    const asked = tare.tare(["run", "--name", "unkept", "busybox", "sleep", "1000"]);
    await poll(() => isRunning("unkept"), { timeoutMs: 10_000, what: "run" });
    const pid = await tare.must(["inspect", "--format", "{{.State.Pid}}", "unkept"]);
    const keeper = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    process.kill(Number(keeper), "SIGKILL");
    expect((await asked).status).toBe(137);
    await tare.must(["rm", "unkept"]);
  });
});
