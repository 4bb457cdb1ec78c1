import { mkdirSync, readFileSync } from "node:fs";
import { Failure, sentenceOf } from "../base/failure.ts";
import { configureLog, log, logUncaughtExceptions } from "../base/log.ts";
import type { DaemonConfiguration } from "../daemon/configuration.ts";
import type { Listener, ListenerTls } from "../daemon/http/listener.ts";
import type { SocketCalls } from "../daemon/http/socket-calls.ts";
import type { LocalEngine } from "../engine/local-engine.ts";
import type { EngineMeter } from "../model/engine-meter.ts";
import { build, publishBuild } from "./build.ts";
import { commandRunner } from "./command-runner.ts";
import { CurrentConfiguration } from "./current-configuration.ts";
import { type DaemonOptions, type DaemonTls, formatAddress, parseDaemonOptions } from "./daemon-options.ts";
import { giveMemoryBackWhenIdle } from "./idle-memory.ts";
import { installAddon, programs } from "./embedded.ts";
import type { DaemonMetrics } from "./metrics/daemon-metrics.ts";
import { writePidFile } from "./pid-file.ts";
import { ServiceManager } from "./service-manager.ts";
import { findGid, shareRunRoot, shareSocket } from "./share-socket.ts";

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
  if (options.validate) {
    process.stdout.write("configuration OK\n");
    return 0;
  }
  configureLog({ level: options.configuration.logLevel, format: options.logFormat });
  if (process.getuid?.() !== 0) {
    log("error", "cannot start the daemon: it needs root; run: sudo tare daemon");
    return 1;
  }
  try {
    await serveUntilStopped(options, argv);
    return 0;
  } catch (thrown) {
    return report(thrown);
  }
}

async function serveUntilStopped(options: DaemonOptions, argv: readonly string[]): Promise<void> {
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
  using _pidFile = options.pidFile === undefined ? undefined : writePidFile(options.pidFile);
  const listeners = await findListeners(options);
  const { socketPath, isManaged } = listeners;
  const manager = new ServiceManager(process.env);
  const { serve } = await import("../daemon/server.ts");
  const { readDescriptorBudget } = await import("../linux/process/descriptor-budget.ts");
  const { StreamSockets } = await import("../linux/sockets/stream-socket.ts");
  const current = new CurrentConfiguration(options, argv);
  const requirePlugins = async ({ authorizationPlugins: names }: DaemonConfiguration): Promise<void> => {
    if (names.length === 0) return;
    const { Authorization } = await import("../daemon/authorization/authorize.ts");
    await new Authorization(runRoot).requirePlugins(names);
  };
  await requirePlugins(options.configuration);
  const metrics = options.metrics && (await loadMetrics());
  await using engine = await open(options, { socketPath, current, meter: metrics });
  using socketCalls = new StreamSockets();
  await using _metricsServer = metrics && (await serveMetrics(metrics, { engine, options, socketCalls }));
  await using _cri = await openCri(engine, options.cri);
  const serving = await serve(engine, {
    socketCalls,
    listeners: listeners.all,
    pluginRoot: runRoot,
    configuration: () => current.configuration,
    commands: socketPath === undefined ? undefined : commandRunner(socketPath),
    buildId: build.id,
    version: build.version,
    gitCommit: build.commit,
    connectionLimits: readDescriptorBudget().connections,
    onInternalFailure: (failure) => log("error", `${failure.message}\n${failure.stack ?? ""}`),
  });
  isServing = true;
  if (socketPath !== undefined) publishBuild(socketPath, { isManaged });
  for (const listener of listeners.all)
    if (listener.kind === "unix") shareSocket(listener.path, { gid, mode: options.socketMode });
  for (const path of listeners.paths) shareRunRoot(path, { gid, runRoot });
  const stop = (): void => {
    manager.reportStopping();
    void serving.close();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on(
    "SIGHUP",
    () => void current.reload((attributes) => engine.recordReload(attributes), requirePlugins),
  );
  for (const warning of options.configuration.warnings) log("warning", warning);
  log("info", `serving at ${listeners.text}`);
  manager.reportReady(`serving at ${listeners.text}`);
  giveMemoryBackWhenIdle();
  setTimeout(() => void warmUp(), 0).unref();
  await serving.closed;
}

/** gRPC, its messages and the handlers: nothing of it is loaded without the option. */
async function openCri(
  engine: LocalEngine,
  options: DaemonOptions["cri"],
): Promise<AsyncDisposable | undefined> {
  if (options === undefined) return undefined;
  const { serveCri } = await import("./serve-cri.ts");
  const serving = await serveCri(engine, { ...options, version: build.version });
  log("info", `serving Kubernetes' CRI at unix://${options.path}`);
  return serving;
}

/** prom-client and what it measures with: nothing of it is loaded without the option. */
async function loadMetrics(): Promise<DaemonMetrics> {
  const { DaemonMetrics } = await import("./metrics/daemon-metrics.ts");
  return new DaemonMetrics({ version: build.version, commit: build.commit });
}

async function serveMetrics(
  metrics: DaemonMetrics,
  {
    engine,
    options: { metrics: address },
    socketCalls,
  }: {
    readonly engine: LocalEngine;
    readonly options: DaemonOptions;
    readonly socketCalls: SocketCalls;
  },
): Promise<AsyncDisposable | undefined> {
  if (address === undefined) return undefined;
  const { serveMetrics: serve } = await import("../daemon/metrics-server.ts");
  const read = (): Promise<string> => metrics.read(engine);
  const server = await serve({ ...address, socketCalls, contentType: metrics.contentType, read });
  log("info", `serving metrics at http://${formatAddress(address)}/metrics`);
  const end = new AbortController();
  const following = metrics.follow(engine, end.signal);
  return {
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      end.abort();
      await following;
    },
  };
}

interface FoundListeners {
  readonly all: readonly Listener[];
  /** Of all Unix sockets, inherited ones included. */
  readonly paths: readonly string[];
  /** The first Unix socket, which commands of this machine use. */
  readonly socketPath: string | undefined;
  /** A service manager keeps that socket. */
  readonly isManaged: boolean;
  readonly text: string;
}

async function findListeners({ hosts, tls: files }: DaemonOptions): Promise<FoundListeners> {
  const all: Listener[] = [];
  const texts: string[] = [];
  const paths: string[] = [];
  let socketPath: string | undefined;
  let isManaged = false;
  for (const host of hosts) {
    if (host.kind === "unix") {
      // The default one stands in a directory of its own, also where the run root is another one.
      if (host.path === "/run/tare/tare.sock") mkdirSync("/run/tare", { recursive: true, mode: 0o700 });
      all.push(host);
      paths.push(host.path);
      texts.push(`unix://${host.path}`);
      socketPath ??= host.path;
    } else if (host.kind === "fd") {
      const { takeInheritedSocket } = await import("../linux/sockets/inherited-socket.ts");
      const { fd, path } = takeInheritedSocket(process.env);
      all.push({ kind: "fd", fd });
      paths.push(path);
      texts.push(`unix://${path}`);
      isManaged = socketPath === undefined;
      socketPath ??= path;
    } else {
      all.push({ ...host, tls: files && readTls(files) });
      texts.push(`tcp://${formatAddress(host)}`);
    }
  }
  return { all, paths, socketPath, isManaged, text: texts.join(", ") };
}

function readTls({ certFile, keyFile, authoritiesFile }: DaemonTls): ListenerTls {
  return {
    cert: readPem(certFile),
    key: readPem(keyFile),
    clientAuthorities: authoritiesFile === undefined ? undefined : readPem(authoritiesFile),
  };
}

function readPem(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    if (text.includes("-----BEGIN ")) return text;
  } catch (cause) {
    throw new Failure("invalid", `cannot serve with TLS: ${sentenceOf(cause)}`, { cause });
  }
  throw new Failure("invalid", `cannot serve with TLS: ${path} is no PEM file`);
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

async function open(
  options: DaemonOptions,
  {
    socketPath,
    current,
    meter,
  }: {
    readonly socketPath: string | undefined;
    readonly current: CurrentConfiguration;
    readonly meter: EngineMeter | undefined;
  },
): Promise<LocalEngine> {
  const { openLocalEngine } = await import("../library/open-engine.ts");
  const { whenFree } = await import("./when-free.ts");
  const registriesFile = process.env["TARE_REGISTRIES_CONF"];
  return await whenFree(socketPath, () =>
    openLocalEngine({
      dataRoot: options.dataRoot,
      runRoot: options.runRoot,
      ...options.settings,
      registriesFile,
      registryOverrides: () => current.configuration.registries,
      keeperProgram: programs.keeper,
      helloProgram: programs.hello,
      meter,
    }),
  );
}

function report(thrown: unknown): number {
  log("error", sentenceOf(thrown));
  if (thrown instanceof Error) log("debug", thrown.stack ?? "");
  return 1;
}
