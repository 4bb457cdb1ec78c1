import { afterAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ListenerTls, RemoteLimits } from "../../../src/daemon/http/listener.ts";
import { type Serving, serve } from "../../../src/daemon/server.ts";
import { StreamSockets } from "../../../src/linux/sockets/stream-socket.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { FakeEngine } from "./fake-engine.ts";

const folder = mkdtempSync(join(tmpdir(), "tare-tls-"));
const socketCalls = new StreamSockets();
afterAll(() => {
  socketCalls[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});
let port = 23_800;

async function start(limits: Partial<RemoteLimits>, tls?: ListenerTls): Promise<Serving> {
  const remoteLimits = { handshakeMs: 60_000, headMs: 60_000, restMs: 60_000, connections: 10, ...limits };
  const listeners = [{ kind: "tcp", hostname: "127.0.0.1", port: ++port, tls }] as const;
  return await serve(new FakeEngine(), { buildId: "b", version: "1", socketCalls, listeners, remoteLimits });
}

/** All that the server sends until it closes the connection. */
async function read(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  socket.on("error", () => {});
  await once(socket, "close");
  return Buffer.concat(pieces).toString("latin1");
}

describe("serve() at a TCP port", () => {
  test("closes a connection that sends no request, or only the beginning of one", async () => {
    const serving = await start({ headMs: 100 });
    const silent = connect(port, "127.0.0.1");
    const slow = connect(port, "127.0.0.1");
    slow.write("GET /_ping HTTP/1.1\r\n");
    for (const text of await Promise.all([read(silent), read(slow)]))
      expect(text).toStartWith("HTTP/1.1 408 ");
    await serving.close();
  });

  test("closes a connection that is at rest", async () => {
    const serving = await start({ restMs: 100 });
    const socket = connect(port, "127.0.0.1");
    socket.write("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await read(socket)).toStartWith("HTTP/1.1 200 OK");
    await serving.close();
  });

  test("closes connections above the bound at once", async () => {
    const serving = await start({ connections: 2 });
    const sockets = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    expect(await read(connect(port, "127.0.0.1"))).toBe("");
    sockets[0]?.destroy();
    await serving.close();
  });

  test("closes a connection that begins no handshake", async () => {
    const files = makeCertificates(folder);
    const text = (path: string): string => readFileSync(path, "utf8");
    const tls = {
      cert: text(files.serverCert),
      key: text(files.serverKey),
      clientAuthorities: text(files.ca),
    };
    const serving = await start({ handshakeMs: 100 }, tls);
    expect(await read(connect(port, "127.0.0.1"))).not.toContain("HTTP/1.1");
    await serving.close();
  });

  test("refuses a port that is in use", async () => {
    const serving = await start({});
    port--;
    await expect(start({})).rejects.toThrow(/^cannot listen on tcp:\/\/127\.0\.0\.1:\d+: .*EADDRINUSE/);
    await serving.close();
  });
});
