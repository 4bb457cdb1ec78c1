import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { codingsOf } from "../../../../src/daemon/buildkit/codings.ts";
import { poll } from "../../../../src/base/deadline.ts";
import type { FilePacket } from "../../../../src/daemon/buildkit/file-packet.ts";
import { GrpcClient } from "../../../../src/grpc/client.ts";
import type { TreeEntry } from "../../../../src/model/builds.ts";
import { type BuildDaemon, startBuildDaemon } from "../../../support/build-daemon.ts";
import { type FileService, RawBuildClient, upgrade } from "../../../support/buildkit-client.ts";

let daemon: BuildDaemon;
beforeEach(async () => {
  daemon = await startBuildDaemon();
  mkdirSync(join(daemon.directory, "outside"));
});
afterEach(async () => {
  await daemon.builds.contexts.settle();
  expect(daemon.failures).toEqual([]);
  expect(daemon.builds.running).toBe(0);
  // Nothing is written elsewhere, and nothing stays of a transfer that failed.
  expect(readdirSync(join(daemon.directory, "outside"))).toEqual([]);
  expect(readdirSync(join(daemon.builds.directory, "contexts/once"))).toEqual([]);
  expect(readdirSync(join(daemon.builds.directory, "contexts/kept"))).toEqual([]);
  expect(readdirSync(daemon.builds.directory)).toEqual(["contexts"]);
  await daemon[Symbol.asyncDispose]();
});

const stat = (path: string, more: Partial<TreeEntry> = {}): FilePacket => ({
  type: "stat",
  entry: { path, mode: 0o100644, uid: 0, gid: 0, sizeBytes: 0, modifiedNs: 1n, xattrs: new Map(), ...more },
});
const end: FilePacket = { type: "stat", entry: undefined };
const data = (id: number, text = ""): FilePacket => ({ type: "data", id, bytes: Buffer.from(text) });

/** Serves a Dockerfile that copies all as it should, and the context as the test says. */
const withContext =
  (context: FileService): FileService =>
  async (directory, io) => {
    if (directory !== "dockerfile") return context(directory, io);
    const text = "FROM scratch\nCOPY . /all\n";
    await io.send(stat("Dockerfile", { sizeBytes: text.length }));
    await io.send(end);
    for await (const packet of io.received) {
      if (packet.type === "request") {
        await io.send(data(packet.id, text));
        await io.send(data(packet.id));
      } else if (packet.type === "finish") return io.send({ type: "finish" });
    }
  };

let count = 0;
async function build(context: FileService): Promise<string> {
  const id = `session-${count++}`;
  using client = await RawBuildClient.open(daemon.socketPath, {
    id,
    sharedKey: "key",
    files: withContext(context),
  });
  return await client.solve(`ref-${id}`, id);
}

/** The daemon works on. */
async function isAlive(): Promise<void> {
  using client = await RawBuildClient.open(daemon.socketPath, { id: "alive", files: async () => {} });
  const method = "moby.buildkit.v1.Control/Info";
  const { buildkitVersion } = await client.control.unary(`/${method}`, codingsOf(method), {});
  expect(buildkitVersion?.package).toBe("github.com/moby/buildkit");
}

const sending =
  (...packets: readonly FilePacket[]): FileService =>
  async (_, { send, received }) => {
    for (const packet of packets) await send(packet);
    // Until the daemon has had enough.
    for await (const packet of received) if (packet.type === "error") return;
  };

test.each<[string, readonly FilePacket[], RegExp]>([
  ["a path with ..", [stat("../outside/x"), end], /no path inside a build context/],
  ["an absolute path", [stat("/etc/cron.d/x"), end], /no path inside a build context/],
  [
    "a path through a link",
    [stat("d", { mode: 0o120777, target: "../../../../outside" }), stat("d/x"), end],
    /did not come before it/,
  ],
  ["a hard link out of the context", [stat("x", { target: "../outside/x" }), end], /did not come before/],
  ["files in another order", [stat("b"), stat("a"), end], /comes after/],
  ["a file twice", [stat("a"), stat("a"), end], /comes after/],
  ["data that was not asked for", [stat("a"), data(7, "evil")], /invalid file request 7/],
  ["data without a file", [data(0, "evil")], /invalid file request 0/],
  ["a file after the last one", [end, stat("a")], /came after the last one|ended before/],
  ["a request for a file of the daemon", [{ type: "request", id: 0 }], /the client asks for a file/],
  ["an error", [{ type: "error", message: "disk on fire" }], /error from sender: disk on fire/],
  ["an owner that the kernel does not have", [stat("a", { uid: 2 ** 32 - 1 }), end], /owner id/],
  ["a whiteout of overlay", [stat("a", { mode: 0o020666, device: { major: 0, minor: 0 } }), end], /whiteout/],
  ["a size beyond all disks", [stat("a", { sizeBytes: 2 ** 52 }), end], /free space/],
])("a client that sends %s gets one sentence", async (_, packets, words) => {
  expect(await build(sending(...packets))).toMatch(words);
  await isAlive();
});

test("content without an end is refused at the declared length and some growth", async () => {
  const piece = "x".repeat(64 * 1024);
  let sent = 0;
  const message = await build(async (_, { send, received }) => {
    await send(stat("a", { sizeBytes: 10 }));
    await send(end);
    const over = { is: false };
    const reading = (async () => {
      for await (const packet of received) if (packet.type === "error") break;
      over.is = true;
    })();
    for (; !over.is && sent < 200 * 1024 * 1024; sent += piece.length) await send(data(0, piece));
    await reading;
  });
  expect(message).toMatch(/longer than the 10 bytes/);
  expect(sent).toBeLessThan(200 * 1024 * 1024);
});

test("a client that goes away in the middle of a transfer ends its build", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const files = withContext(async (_, { send, received }) => {
    await send(stat("a", { sizeBytes: 10 }));
    for await (const packet of received) if (packet.type === "request") resolve();
  });
  const client = await RawBuildClient.open(daemon.socketPath, { id: "gone", sharedKey: "key", files });
  const solved = client.solve("ref-gone", "gone");
  await promise;
  client.session.destroy();
  expect(await solved).toMatch(/went away|canceled/);
  client[Symbol.dispose]();
  await poll(() => daemon.builds.running === 0 || undefined, { timeoutMs: 5000, what: "end" });
  await isAlive();
});

test("a client that ends a transfer early gets one sentence", async () => {
  expect(await build(async (_, { send }) => send(stat("a", { sizeBytes: 10 })))).toMatch(
    /ended before all was sent/,
  );
});

test("a client that reads no progress holds its own build only", async () => {
  const text = `FROM scratch\n${"RUN log line\n".repeat(3000)}`;
  const files: FileService = async (_, { send, received }) => {
    await send(stat("Dockerfile", { sizeBytes: text.length }));
    await send(end);
    for await (const packet of received) {
      if (packet.type === "finish") return send({ type: "finish" });
      if (packet.type !== "request") continue;
      await send(data(packet.id, text));
      await send(data(packet.id));
    }
  };
  using client = await RawBuildClient.open(daemon.socketPath, { id: "deaf", files });
  const method = "moby.buildkit.v1.Control/Status";
  const status = client.control.open(`/${method}`, codingsOf(method));
  await status.send({ Ref: "ref-deaf" });
  status.end();
  expect(await client.solve("ref-deaf", "deaf")).toBe("");
  await isAlive();
  let steps = 0;
  for await (const { vertexes } of status)
    steps += vertexes.filter(({ completed }) => completed !== null).length;
  expect(steps).toBe(3002);
});

test("sessions are bounded, and need an id", async () => {
  await expect(upgrade(daemon.socketPath, "/session")).rejects.toThrow(/is missing|400|reset/);
  const plain = await fetch("http://localhost/session", { method: "POST", unix: daemon.socketPath });
  expect(plain.status).toBe(400);
  expect(await plain.text()).toContain("no upgrade proto in request");
  const open = await Promise.all(
    Array.from({ length: 256 }, async (_, at) =>
      upgrade(daemon.socketPath, "/session", [`X-Docker-Expose-Session-Uuid: many-${at}`]),
    ),
  );
  await expect(
    upgrade(daemon.socketPath, "/session", ["X-Docker-Expose-Session-Uuid: more"]),
  ).rejects.toThrow(/256 sessions are open/);
  for (const socket of open) socket.destroy();
});

test("HTTP/2 may begin with the first byte of a connection", async () => {
  const client = new GrpcClient(connect(daemon.socketPath));
  const method = "moby.buildkit.v1.Control/ListWorkers";
  const { record } = await client.unary(`/${method}`, codingsOf(method), {});
  expect(record).toHaveLength(1);
  client.close();
  const almost = connect(daemon.socketPath);
  almost.on("error", () => {});
  almost.write("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
  const answer = await new Promise<Buffer>((resolve) => almost.once("data", resolve));
  expect(answer.toString()).toStartWith("HTTP/1.1 400 ");
  almost.destroy();
});

test("bytes that are no HTTP/2 close their connection only", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const socket = await upgrade(daemon.socketPath, "/grpc");
    const bytes = Buffer.from(Array.from({ length: 300 }, (_, at) => (at * 31 + seed * 97) & 255));
    socket.write(
      seed % 2 === 0 ? bytes : Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), bytes]),
    );
    await Bun.sleep(5);
    socket.destroy();
  }
  await isAlive();
});

test("messages that are malformed get a status each", async () => {
  using client = await RawBuildClient.open(daemon.socketPath, { id: "malformed", files: async () => {} });
  const raw = { request: { encode: (bytes: Buffer) => bytes }, response: { decode: () => undefined } };
  for (const method of [
    "Control/Solve",
    "Control/DiskUsage",
    "frontend.LLBBridge/Solve",
    "frontend.LLBBridge/Return",
  ]) {
    const thrown = await client.control
      .unary(`/moby.buildkit.v1.${method}`, raw, Buffer.from([0x0f, 1]))
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(thrown).toBeInstanceOf(Error);
  }
  expect(await client.solve("", "malformed")).toContain("has no ref");
  expect(await client.solve("x".repeat(300), "malformed")).toContain("too long");
  expect(await client.solve("a", "malformed", { "shm-size": "-1" })).toContain("failed to parse shm-size");
  expect(await client.solve("b", "malformed", { "context:x": "oci-layout://x" })).toContain(
    "is not supported",
  );
  expect(await client.solve("c", "malformed", { "add-hosts": "x" })).toContain(
    "failed to parse additional hosts",
  );
  await isAlive();
});

test("a writer to the kept directory cannot be misled by files that are there already", async () => {
  // A file of an earlier transfer, whose index is gone: the directory is emptied first.
  const kept = join(daemon.builds.directory, "contexts/kept");
  mkdirSync(join(kept, "0".repeat(32), "files"), { recursive: true });
  writeFileSync(join(kept, "0".repeat(32), "files/x"), "");
  expect(daemon.builds.contexts.remove("0".repeat(32))).toBe(true);
});
