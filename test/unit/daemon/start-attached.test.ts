import { expect, test } from "bun:test";
import { FrameDecoder } from "../../../src/spec/stream-frames.ts";
import { sleep } from "../../../src/base/deadline.ts";
import type { AttachedConnection } from "../../../src/client/transport.ts";
import { AttachedClients } from "../../../src/daemon/attached-clients.ts";
import { type DaemonUnderTest, startDaemon } from "./daemon-under-test.ts";
import { rawRequest, requestText, statusOf } from "./raw-request.ts";

const streams = { stdout: true, stderr: true, stream: true };

async function create({ client }: DaemonUnderTest, command: readonly string[]): Promise<string> {
  const { Id } = await client.containers.create({ Image: "busybox", Cmd: command });
  return Id;
}

async function readFrames({ duplex }: AttachedConnection): Promise<string> {
  const decoder = new FrameDecoder();
  let text = "";
  for await (const piece of duplex) {
    for (const frame of decoder.push(piece as Buffer)) text += Buffer.from(frame.bytes).toString();
  }
  return text;
}

test("streams, start and end are asked for at once, and nothing is missed", async () => {
  await using daemon = await startDaemon();
  for (let round = 0; round < 20; round++) {
    const id = await create(daemon, ["echo", "all of it"]);
    const options = { streams, until: "next-exit", descriptors: undefined } as const;
    const { connection, timing, exit } = await daemon.client.containers.startAttached(id, options);
    expect(timing?.TotalMs).toBe(4.5);
    expect(await readFrames(connection)).toBe("all of it\n");
    expect((await exit).StatusCode).toBe(0);
  }
  const id = await create(daemon, ["exit", "7"]);
  const { exit } = await daemon.client.containers.startAttached(id, {
    streams,
    until: "removed",
    descriptors: undefined,
  });
  await sleep(5);
  await daemon.client.containers.remove(id);
  expect((await exit).StatusCode).toBe(7);
});

test("a start for a client that attaches waits for it", async () => {
  await using daemon = await startDaemon();
  const id = await create(daemon, ["sleep", "60"]);
  const asked = requestText(`POST /v1.51/containers/${id}/start?attached=1`);
  const starting = rawRequest(daemon.socketPath, asked);
  await sleep(30);
  expect(daemon.engine.find(id).state.status).toBe("created");
  const { duplex } = await daemon.client.containers.attach(id, streams);
  expect(statusOf(await starting)).toBe(204);
  expect(daemon.engine.find(id).state.status).toBe("running");
  duplex.destroy();
});

test("a client that is attached at another daemon of the same process starts nothing here", async () => {
  await using there = await startDaemon();
  await using here = await startDaemon();
  for (const { client } of [there, here])
    await client.containers.create({ Image: "busybox", Cmd: ["sleep", "60"] }, { name: "web" });
  const elsewhere = await there.client.containers.attach("web", streams);
  const asked = requestText("POST /v1.51/containers/web/start?attached=1");
  const starting = rawRequest(here.socketPath, asked);
  await sleep(30);
  expect(here.engine.find("web").state.status).toBe("created");
  const { duplex } = await here.client.containers.attach("web", streams);
  expect(statusOf(await starting)).toBe(204);
  expect(there.engine.find("web").state.status).toBe("created");
  duplex.destroy();
  elsewhere.duplex.destroy();
});

test("what can't be started is said, and the client is let go", async () => {
  await using daemon = await startDaemon();
  const id = await create(daemon, ["missing"]);
  const options = { streams, until: "next-exit", descriptors: undefined } as const;
  await expect(daemon.client.containers.startAttached(id, options)).rejects.toThrow("no such file");
  await expect(daemon.client.containers.startAttached("missing", options)).rejects.toThrow(
    "No such container: missing",
  );
  for (let left = 100; daemon.engine.find(id).process.attachedCount > 0 && left > 0; left--) await sleep(5);
  expect(daemon.engine.find(id).process.attachedCount).toBe(0);
});

test("a condition that is none is refused before anything starts", async () => {
  await using daemon = await startDaemon();
  const id = await create(daemon, ["sleep", "60"]);
  const asked = requestText(`POST /v1.51/containers/${id}/start?until=ever`);
  expect(statusOf(await rawRequest(daemon.socketPath, asked))).toBe(400);
  expect(daemon.engine.find(id).state.status).toBe("created");
});

test("first() resolves for whoever came before or comes later, and ends with its signal", async () => {
  const clients = new AttachedClients();
  const { signal } = new AbortController();
  const both = Promise.all([clients.first("web", { signal }), clients.first("web", { signal })]);
  const one = clients.add("web");
  const other = clients.add("web");
  await both;
  one[Symbol.dispose]();
  await clients.first("web", { signal });
  other[Symbol.dispose]();
  const abort = new AbortController();
  const waiting = clients.first("web", { signal: abort.signal });
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ kind: "canceled" });
});
