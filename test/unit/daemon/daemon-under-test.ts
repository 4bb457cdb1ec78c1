import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../../src/client/client.ts";
import { type ServeOptions, type Serving, serve } from "../../../src/daemon/server.ts";
import { StreamSockets } from "../../../src/linux/sockets/stream-socket.ts";
import { CheckingServer } from "../../support/checking-server.ts";
import { FakeEngine } from "./fake-engine.ts";

export interface DaemonUnderTest extends AsyncDisposable {
  readonly engine: FakeEngine;
  readonly client: Client;
  readonly serving: Serving;
  readonly socketPath: string;
}

/**
 * The real server with the fake engine on a socket of its own, and the real client. Its replies are compared with the
 * API's reference by a server in between, which does not pass on that the client has vanished.
 */
export async function startDaemon({
  isChecked = true,
  ...options
}: Partial<ServeOptions> & { readonly isChecked?: boolean } = {}): Promise<DaemonUnderTest> {
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
  const checkedPath = join(folder, "checked.sock");
  const checking = new CheckingServer({ socket: checkedPath, target: socketPath });
  await checking.listening;
  const client = new Client({ host: `unix://${isChecked ? checkedPath : socketPath}`, buildId: "build-0" });
  return {
    engine,
    client,
    serving,
    socketPath,
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      checking[Symbol.dispose]();
      await serving.close();
      socketCalls[Symbol.dispose]();
      await engine[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
      const problems = checking.report();
      if (problems.length > 0) throw new Error(`replies differ from the reference:\n${problems.join("\n")}`);
    },
  };
}
