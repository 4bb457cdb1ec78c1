import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../../src/client/client.ts";
import { serve } from "../../../src/daemon/server.ts";
import { startDaemon } from "./daemon-under-test.ts";
import { FakeEngine } from "./fake-engine.ts";

function start(socketPath: string) {
  const socketCalls = { sendAlone: () => 0, hasHungUp: () => false };
  return serve(new FakeEngine(), { socketPath, buildId: "b", version: "1", socketCalls });
}

test("serve() makes a socket for root and its group, and removes it on close", async () => {
  await using daemon = await startDaemon();
  expect(statSync(daemon.socketPath).mode & 0o777).toBe(0o660);
  await daemon.serving.close();
  await daemon.serving.closed;
  expect(existsSync(daemon.socketPath)).toBe(false);
});

test("serve() refuses a socket that somebody answers, and what is no socket", async () => {
  await using daemon = await startDaemon();
  await expect(start(daemon.socketPath)).rejects.toMatchObject({ kind: "conflict" });
  expect((await daemon.client.system.ping()).apiVersion).toBe("1.56");
  const file = `${daemon.socketPath}.file`;
  writeFileSync(file, "mine");
  await expect(start(file)).rejects.toMatchObject({ kind: "conflict" });
  await expect(start("/nonexistent/x.sock")).rejects.toMatchObject({ kind: "invalid" });
});

test("serve() replaces a socket that a dead daemon left", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tare-stale-"));
  const socketPath = join(folder, "tare.sock");
  const script = `require("node:net").createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, "SIGKILL"))`;
  Bun.spawnSync([process.execPath, "-e", script]);
  expect(existsSync(socketPath)).toBe(true);
  const serving = await start(socketPath);
  using client = new Client({ host: `unix://${socketPath}` });
  expect((await client.system.ping()).osType).toBe("linux");
  await serving.close();
  rmSync(folder, { recursive: true });
});

test("serve() and the client reach a path deeper than a socket's address holds", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tare-deep-"));
  const deep = join(folder, "d".repeat(60), "e".repeat(60));
  mkdirSync(deep, { recursive: true });
  const serving = await start(join(deep, "tare.sock"));
  using client = new Client({ host: `unix://${join(deep, "tare.sock")}` });
  expect((await client.system.ping()).osType).toBe("linux");
  await expect(start(join(deep, "tare.sock"))).rejects.toMatchObject({ kind: "conflict" });
  await serving.close();
  expect(existsSync(join(deep, "tare.sock"))).toBe(false);
  rmSync(folder, { recursive: true });
});

test("shutdown answers first, then ends the daemon with streams that are open", async () => {
  await using daemon = await startDaemon({ isChecked: false });
  const { containers, system } = daemon.client;
  const { Id } = await containers.create({ Image: "busybox", Cmd: ["sleep", "60"] });
  await containers.start(Id);
  const attached = await containers.attach(Id, { stdout: true, stream: true });
  const gone = new Promise((resolve) => attached.duplex.once("end", resolve));
  attached.duplex.resume();
  const waiting = containers.wait(Id);
  waiting.catch(() => {});
  await system.shutdown();
  await daemon.serving.closed;
  await gone;
  await expect(waiting).rejects.toMatchObject({ kind: "unavailable" });
  await expect(system.ping()).rejects.toMatchObject({ kind: "unavailable", details: { code: "ENOENT" } });
  expect(daemon.engine.find(Id).process.isRunning).toBe(true);
});
