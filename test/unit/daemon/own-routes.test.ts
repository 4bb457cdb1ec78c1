import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ConnectedSecrets } from "../../../src/library/connected-secrets.ts";
import { startDaemon } from "./daemon-under-test.ts";
import { bodyOf, rawRequest, requestText, statusOf } from "./raw-request.ts";

test("descriptors are offered a socket, and named by its token at a start and an exec", async () => {
  await using daemon = await startDaemon();
  const { client, engine } = daemon;
  expect(await client.system.offerDescriptors([3, 7])).toEqual({
    Socket: "/run/fds",
    Token: "token of 3, 7",
  });
  await client.containers.create({ Image: "busybox", Cmd: ["sleep", "9"] }, { name: "web" });
  await client.containers.start("web", { descriptors: "first" });
  const { Id: id } = await client.containers.createExec("web", { Cmd: ["true"] });
  await client.executions.startDetached(id, { descriptors: "second" });
  expect(engine.descriptors).toEqual(["first", "second"]);
});

test("a daemon without a command line refuses to run commands, and the connection stays one of HTTP", async () => {
  await using daemon = await startDaemon();
  const upgrade = { Connection: "Upgrade, close", Upgrade: "tcp" };
  const body = JSON.stringify({ Build: "build-1", Words: ["ps"] });
  const reply = await rawRequest(daemon.socketPath, requestText("POST /tare/command", body, upgrade));
  expect([statusOf(reply), bodyOf(reply)]).toEqual([
    501,
    '{"message":"cannot run this command: it is not one that a client can leave to the daemon"}\n',
  ]);
});

describe("secrets", () => {
  let daemon: Awaited<ReturnType<typeof startDaemon>>;
  beforeEach(async () => {
    daemon = await startDaemon();
  });
  afterEach(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  test("are made, listed, read, replaced and removed below /tare/secrets", async () => {
    const secrets = new ConnectedSecrets(daemon.client);
    const value = Buffer.from([0, 1, 255]);
    const made = await secrets.create({ name: "a b", value, labels: { x: "y" } });
    expect(made).toMatchObject({ name: "a b", driver: "file", labels: { x: "y" } });
    expect(await secrets.list({ filters: { name: ["a"] } })).toEqual([made]);
    expect(daemon.engine.secrets.filters).toEqual({ name: ["a"] });
    expect(await secrets.inspect("a b")).toEqual(made);
    expect(await daemon.client.secrets.inspect("a b")).not.toHaveProperty("Data");
    expect(Buffer.from(await secrets.read("a b"))).toEqual(value);
    await expect(secrets.create({ name: "a b", value })).rejects.toMatchObject({ kind: "conflict" });
    await secrets.create({ name: "a b", value: Buffer.from("n"), replace: true });
    expect(Buffer.from(await secrets.read("a b")).toString()).toBe("n");
    await secrets.remove("a b");
    await expect(secrets.remove("a b")).rejects.toThrow('no secret with name or id "a b": no such secret');
  });
});

test.each([
  ["GET /v1.51/secrets", "cannot use secrets of a swarm: swarm is not part of Tare;"],
  ["POST /v1.51/secrets/create", "cannot use secrets of a swarm: swarm is not part of Tare;"],
  ["DELETE /secrets/x", "cannot use secrets of a swarm: swarm is not part of Tare;"],
  ["GET /swarm", "cannot use swarm: swarm is not part of Tare"],
  ["POST /v1.45/swarm/init", "cannot use swarm: swarm is not part of Tare"],
  ["GET /nodes/self", "cannot use swarm: swarm is not part of Tare"],
  ["POST /services/create", "cannot use swarm: swarm is not part of Tare"],
  ["GET /services/x/logs", "cannot use swarm: swarm is not part of Tare"],
  ["GET /tasks", "cannot use swarm: swarm is not part of Tare"],
  ["POST /configs/create", "cannot use swarm: swarm is not part of Tare"],
  ["POST /plugins/pull", "cannot use plugins: plugins are not part of Tare"],
  ["POST /plugins/x/enable", "cannot use plugins: plugins are not part of Tare"],
])("%s is refused with 501: %s", async (line, sentence) => {
  await using daemon = await startDaemon();
  const reply = await rawRequest(daemon.socketPath, requestText(line));
  expect(statusOf(reply)).toBe(501);
  expect(bodyOf(reply)).toContain(sentence);
});

test("GET /plugins answers an empty list", async () => {
  await using daemon = await startDaemon();
  const reply = await rawRequest(daemon.socketPath, requestText("GET /v1.51/plugins"));
  expect([statusOf(reply), bodyOf(reply).trim()]).toEqual([200, "[]"]);
});
