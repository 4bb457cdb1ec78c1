import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../../src/client/client.ts";
import { type ServeOptions, type Serving, serve } from "../../../src/daemon/server.ts";
import { StreamSockets } from "../../../src/linux/sockets/stream-socket.ts";
import { FakeEngine } from "./fake-engine.ts";

export interface DaemonUnderTest extends AsyncDisposable {
  readonly engine: FakeEngine;
  readonly client: Client;
  readonly serving: Serving;
  readonly socketPath: string;
}

/** The real server with the fake engine on a socket of its own, and the real client. */
export async function startDaemon(options: Partial<ServeOptions> = {}): Promise<DaemonUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), "tare-daemon-"));
  const socketPath = join(folder, "tare.sock");
  const engine = new FakeEngine();
  const socketCalls = new StreamSockets();
  const serving = await serve(engine, {
    socketPath,
    buildId: "build-1",
    version: "0.1.0",
    socketCalls,
    ...options,
  });
  const client = new Client({ host: `unix://${socketPath}`, buildId: "build-0" });
  return {
    engine,
    client,
    serving,
    socketPath,
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      await serving.close();
      socketCalls[Symbol.dispose]();
      await engine[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
