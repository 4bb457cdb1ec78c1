import { mkdirSync } from "node:fs";
import { sentenceOf } from "../base/failure.ts";
import { enableDebugLog, log, logUncaughtExceptions } from "../base/log.ts";
import type { Engine } from "../model/engine.ts";
import { build, publishBuild } from "./build.ts";
import { type DaemonOptions, parseDaemonOptions } from "./daemon-options.ts";
import { giveMemoryBackWhenIdle } from "./idle-memory.ts";
import { installAddon, programs } from "./embedded.ts";

/**
 * `tare daemon`: opens the engine and serves until it is told to stop (SIGTERM, SIGINT, `tare daemon stop`). Containers
 * go on without it. Gives the exit status.
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
  mkdirSync(options.runRoot, { recursive: true, mode: 0o700 });
  installAddon(options);
  const { serve } = await import("../daemon/server.ts");
  const { readDescriptorBudget } = await import("../linux/process/descriptor-budget.ts");
  const { StreamSockets } = await import("../linux/sockets/stream-socket.ts");
  await using engine = await open(options);
  using socketCalls = new StreamSockets();
  const serving = await serve(engine, {
    socketCalls,
    socketPath: options.socketPath,
    buildId: build.id,
    version: build.version,
    gitCommit: build.commit,
    connectionLimits: readDescriptorBudget().connections,
    onInternalFailure: (failure) => log("error", `${failure.message}\n${failure.stack ?? ""}`),
  });
  isServing = true;
  publishBuild(options.socketPath);
  const stop = (): void => void serving.close();
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => {});
  log("info", `serving at unix://${options.socketPath}`);
  giveMemoryBackWhenIdle();
  setTimeout(() => void warmUp(), 0).unref();
  await serving.closed;
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

async function open(options: DaemonOptions): Promise<Engine> {
  const { openEngine } = await import("../library/open-engine.ts");
  const { whenFree } = await import("./when-free.ts");
  const registriesFile = process.env["TARE_REGISTRIES_CONF"];
  return await whenFree(options.socketPath, () =>
    openEngine({
      dataRoot: options.dataRoot,
      runRoot: options.runRoot,
      ...options.settings,
      ...(registriesFile === undefined ? {} : { registriesFile }),
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
