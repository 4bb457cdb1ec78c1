import { mkdirSync } from "node:fs";
import { sentenceOf } from "../base/failure.ts";
import { enableDebugLog, log, logUncaughtExceptions } from "../base/log.ts";
import type { Engine } from "../model/engine.ts";
import { build, publishBuild } from "./build.ts";
import { commandRunner } from "./command-runner.ts";
import { type DaemonOptions, parseDaemonOptions } from "./daemon-options.ts";
import { giveMemoryBackWhenIdle } from "./idle-memory.ts";
import { installAddon, programs } from "./embedded.ts";
import { ServiceManager } from "./service-manager.ts";
import { findGid, shareSocket } from "./share-socket.ts";

/**
 * `tare daemon`: opens the engine and serves requests until SIGTERM, SIGINT or `tare daemon stop`. Containers keep
 * running without it. Returns the exit status.
 */
export async function runDaemon(argv: readonly string[]): Promise<number> {
  let options: DaemonOptions;
  try {
    options = await parseDaemonOptions(argv);
  } catch (thrown) {
    return report(thrown);
  }
  if (options.debug) enableDebugLog();
  if (process.getuid?.() !== 0) {
    log("error", "cannot start the daemon: it needs root; run: sudo tare daemon");
    return 1;
  }
  try {
    await serveUntilStopped(options);
    return 0;
  } catch (thrown) {
    return report(thrown);
  }
}

async function serveUntilStopped(options: DaemonOptions): Promise<void> {
  let isServing = false;
  // Before it serves, its starter waits for what the exception has interrupted.
  logUncaughtExceptions(() => {
    if (!isServing) process.exit(1);
  });
  // Nothing that the starter had decides how the engine makes files.
  process.umask(0o022);
  const { runRoot } = options;
  const gid = findGid(options.socketGroup);
  mkdirSync(runRoot, { recursive: true, mode: 0o700 });
  installAddon(options);
  const { socketPath, socketFd } = await findSocket(options);
  const manager = new ServiceManager(process.env);
  const { serve } = await import("../daemon/server.ts");
  const { readDescriptorBudget } = await import("../linux/process/descriptor-budget.ts");
  const { StreamSockets } = await import("../linux/sockets/stream-socket.ts");
  await using engine = await open(options, socketPath);
  using socketCalls = new StreamSockets();
  const serving = await serve(engine, {
    socketCalls,
    socketPath,
    socketFd,
    commands: commandRunner(socketPath),
    buildId: build.id,
    version: build.version,
    gitCommit: build.commit,
    connectionLimits: readDescriptorBudget().connections,
    onInternalFailure: (failure) => log("error", `${failure.message}\n${failure.stack ?? ""}`),
  });
  isServing = true;
  publishBuild(socketPath, { isManaged: socketFd !== undefined });
  shareSocket(socketPath, { gid, mode: options.socketMode, runRoot, isOurs: socketFd === undefined });
  const stop = (): void => {
    manager.reportStopping();
    void serving.close();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => {});
  log("info", `serving at unix://${socketPath}`);
  manager.reportReady(`serving at unix://${socketPath}`);
  giveMemoryBackWhenIdle();
  setTimeout(() => void warmUp(), 0).unref();
  await serving.closed;
}

async function findSocket({
  socketPath,
}: DaemonOptions): Promise<{ readonly socketPath: string; readonly socketFd: number | undefined }> {
  if (socketPath !== undefined) return { socketPath, socketFd: undefined };
  const { takeInheritedSocket } = await import("../linux/sockets/inherited-socket.ts");
  const { fd, path } = takeInheritedSocket(process.env);
  return { socketPath: path, socketFd: fd };
}

/** The first start would have to wait for it. */
async function warmUp(): Promise<void> {
  try {
    const { warmUpProcesses } = await import("../runtime/warm-up.ts");
    warmUpProcesses();
  } catch (thrown) {
    log("warning", `cannot prepare for the first start: ${sentenceOf(thrown)}`);
  }
}

async function open(options: DaemonOptions, socketPath: string): Promise<Engine> {
  const { openEngine } = await import("../library/open-engine.ts");
  const { whenFree } = await import("./when-free.ts");
  const registriesFile = process.env["TARE_REGISTRIES_CONF"];
  return await whenFree(socketPath, () =>
    openEngine({
      dataRoot: options.dataRoot,
      runRoot: options.runRoot,
      ...options.settings,
      registriesFile,
      keeperProgram: programs.keeper,
      helloProgram: programs.hello,
    }),
  );
}

function report(thrown: unknown): number {
  log("error", sentenceOf(thrown));
  if (thrown instanceof Error) log("debug", thrown.stack ?? "");
  return 1;
}
