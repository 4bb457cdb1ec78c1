import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Failure } from "../../src/base/failure.ts";
import { serve } from "../../src/daemon/server.ts";
import { StreamSockets } from "../../src/linux/sockets/stream-socket.ts";
import { FakeEngine } from "../unit/daemon/fake-engine.ts";
import { ScriptedBuilds } from "./scripted-builds.ts";

/** The real server with scripted builds: for clients of BuildKit's protocol. */
export interface BuildDaemon extends AsyncDisposable {
  readonly builds: ScriptedBuilds;
  readonly socketPath: string;
  /** A directory for the test's own files. */
  readonly directory: string;
  /** Failures of the daemon's own: none in a test that passes. */
  readonly failures: Failure[];
}

export async function startBuildDaemon(): Promise<BuildDaemon> {
  const directory = mkdtempSync(join(tmpdir(), "tare-build-daemon-"));
  const socketPath = join(directory, "tare.sock");
  const builds = new ScriptedBuilds();
  const engine = Object.assign(new FakeEngine(), { openBuilds: () => Promise.resolve(builds) });
  const socketCalls = new StreamSockets();
  const failures: Failure[] = [];
  const serving = await serve(engine, {
    socketPath,
    buildId: "build-1",
    version: "0.1.0",
    socketCalls,
    onInternalFailure: (failure) => failures.push(failure),
  });
  return {
    builds,
    socketPath,
    directory,
    failures,
    [Symbol.asyncDispose]: async () => {
      await serving.close();
      socketCalls[Symbol.dispose]();
      await engine[Symbol.asyncDispose]();
      await builds[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}
