import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CreateDefaults } from "../daemon/create-defaults.ts";
import { parseLog } from "../api/container/log-config.ts";
import { mergeDefined } from "../base/defined.ts";
import { codeOf, Failure, sentenceOf } from "../base/failure.ts";
import { isKeyOf, keysOf } from "../base/keys.ts";
import type { LogFormat, LogLevel } from "../base/log.ts";
import { parseUlimit } from "../cli/flags/ulimit.ts";
import { daemonFlags, type DaemonValues, requireWord } from "../cli/daemon-flags.ts";
import { type Parsed, parseFlags } from "../cli/flags/parse.ts";
import { type GlobalFlag, globalFlags } from "../cli/global-flags.ts";
import { type DaemonConfiguration, usualConfiguration } from "../daemon/configuration.ts";
import { parsePluginName } from "../spec/plugin-name.ts";
import type { EngineSettings } from "../model/engine-settings.ts";
import { parseAddressPool } from "../spec/address-pool.ts";
import { type DaemonFileFlag, parseDaemonConfig, refused } from "../spec/daemon-config.ts";
import { parseIpAddress } from "../spec/ip-address.ts";
import { defaultLogDriver, isLogDriver } from "../spec/log-driver/log-drivers.ts";
import {
  parseInsecureRegistry,
  parseRegistryMirror,
  type RegistryOverrides,
} from "../spec/registry/registry-overrides.ts";
import { parseSocketMode } from "../spec/socket-mode.ts";

/** Where the daemon listens. */
export type DaemonHost =
  | { readonly kind: "unix"; readonly path: string }
  /** The service manager's socket. */
  | { readonly kind: "fd" }
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number };

/** The files of the TCP ports' certificates. */
export interface DaemonTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** Absent: clients need no certificate. */
  readonly authoritiesFile?: string | undefined;
}

/** Where Prometheus reads the metrics, without encryption. */
export interface MetricsAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Where Kubernetes' CRI is served, and the directories of CNI. */
export interface CriOptions {
  /** Of the Unix socket. */
  readonly path: string;
  readonly configDirectory: string;
  readonly binaryDirectories: readonly string[];
}

/** Kubernetes' and Debian's. */
const usualCniDirectories: readonly string[] = ["/opt/cni/bin", "/usr/lib/cni"];

export interface DaemonOptions {
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly hosts: readonly DaemonHost[];
  /** Absent: TCP ports have no TLS. */
  readonly tls: DaemonTls | undefined;
  /** Of the sockets that the daemon makes; access to them is root access to the machine. */
  readonly socketGroup: string | undefined;
  readonly socketMode: number;
  readonly settings: EngineSettings;
  readonly logFormat: LogFormat;
  readonly pidFile: string | undefined;
  /** Absent: no metrics are served, and nothing is measured. */
  readonly metrics: MetricsAddress | undefined;
  /** Kubernetes' CRI. Absent: it is not served. */
  readonly cri: CriOptions | undefined;
  /** Only check the options. */
  readonly validate: boolean;
  readonly configuration: DaemonConfiguration;
}

const defaultConfigFile = "/etc/tare/daemon.json";
const defaultRunRoot = "/run/tare";

/**
 * The flags of `tare daemon`, before or after the word, and the keys of its configuration file. Environment variables
 * that select a daemon are ignored here. Throws "invalid" in one sentence, which names the file where that is wrong.
 */
export async function parseDaemonOptions(argv: readonly string[]): Promise<DaemonOptions> {
  const typed = parse(argv);
  const unexpected = typed.positional.filter((word) => word !== "daemon");
  if (unexpected.length > 0)
    throw new Failure("invalid", `cannot start the daemon: unexpected argument "${unexpected[0]}"`);
  const path = typed.values["config-file"] ?? defaultConfigFile;
  const text = readConfigFile(path, { isRequired: typed.given.has("config-file") });
  if (text === undefined) return await optionsOf(typed, typed);
  const fromFile = parseDaemonConfig(text, path);
  refuseConflicts(typed, fromFile, path);
  try {
    return await optionsOf(parse([...fromFile.flatMap(wordsOf), ...argv]), typed);
  } catch (thrown) {
    // Wrong flags fail alone, too: then the file is not what is wrong.
    await optionsOf(typed, typed);
    throw refused(path, sentenceOf(thrown));
  }
}

function parse(argv: readonly string[]): Parsed<DaemonValues> {
  return parseFlags<DaemonValues>(daemonFlags, argv, { optionsEnd: "dashes" });
}

function wordsOf({ flag, words }: DaemonFileFlag): readonly string[] {
  return words.map((word) => `--${flag}=${word}`);
}

function readConfigFile(path: string, { isRequired }: { readonly isRequired: boolean }): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" && !isRequired) return undefined;
    throw new Failure("invalid", `unable to configure the daemon with file ${path}: ${sentenceOf(cause)}`, {
      cause,
    });
  }
}

/** Set by a command for the daemon that it starts: they do not contradict the file. */
const flagsOfStarters: ReadonlySet<string> = new Set(["host", "run-root"]);

function refuseConflicts(
  { given, values }: Parsed<DaemonValues>,
  fromFile: readonly DaemonFileFlag[],
  path: string,
): void {
  const conflicts = fromFile.filter(
    ({ flag }) => given.has(flag) && !(values["auto-started"] && flagsOfStarters.has(flag)),
  );
  if (conflicts.length === 0) return;
  const texts = conflicts.map(({ key, flag, words }) => {
    const value: unknown = isKeyOf(values, flag) ? values[flag] : undefined;
    return `${key}: (from flag: ${formatValue(value)}, from file: ${formatValue(words)})`;
  });
  throw refused(
    path,
    `the following directives are specified both as a flag and in the configuration file: ${texts.join(", ")}`,
  );
}

function formatValue(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? String(value[0]) : `[${value.join(" ")}]`;
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

async function optionsOf(parsed: Parsed<DaemonValues>, typed: Parsed<DaemonValues>): Promise<DaemonOptions> {
  const { values } = parsed;
  const runRoot = values["run-root"] ?? defaultRunRoot;
  // Clients read no configuration file: they look for the socket where their flags have it.
  const socket = `unix://${join(typed.values["run-root"] ?? defaultRunRoot, "tare.sock")}`;
  const tls = tlsOf(values);
  const hosts = [...new Set(values.host.length === 0 ? [socket] : values.host)].map((host) =>
    parseDaemonHost(host, tls),
  );
  const metrics = parseMetricsAddress(values["metrics-addr"]);
  refuseOpenTcp(hosts, { tls, isAllowed: values["allow-unauthenticated-tcp"] });
  if (!values["live-restore"])
    throw new Failure(
      "invalid",
      "cannot switch live-restore off: containers always keep running without the daemon; stop them yourself",
    );
  return {
    dataRoot: values["data-root"] ?? "/var/lib/tare",
    runRoot,
    hosts,
    tls,
    socketGroup: values["socket-group"],
    socketMode: parseSocketMode(values["socket-mode"] ?? "0660"),
    settings: await settingsOf(parsed),
    logFormat: requireWord("log-format", values["log-format"], ["text", "json"]) ?? "text",
    pidFile: values.pidfile,
    metrics,
    cri: criOf(values, runRoot),
    validate: values.validate,
    configuration: {
      ...configurationOf(values),
      warnings: [...hosts.flatMap((host) => warningsOf(host, tls)), ...warningsOfMetrics(metrics)],
    },
  };
}

function tlsOf(values: DaemonValues): DaemonTls | undefined {
  const { tls, tlsverify, tlscacert, tlscert, tlskey } = values;
  if (!tls && !tlsverify) return undefined;
  if (tlscert === undefined || tlskey === undefined)
    throw new Failure("invalid", "cannot serve with TLS: it needs --tlscert FILE and --tlskey FILE");
  if (tlsverify && tlscacert === undefined)
    throw new Failure("invalid", "cannot verify clients: --tlsverify needs --tlscacert FILE");
  return { certFile: tlscert, keyFile: tlskey, authoritiesFile: tlsverify ? tlscacert : undefined };
}

/** SAFETY: access to the API is root access to the machine. */
function refuseOpenTcp(
  hosts: readonly DaemonHost[],
  { tls, isAllowed }: { readonly tls: DaemonTls | undefined; readonly isAllowed: boolean },
): void {
  const open = hosts.find(({ kind }) => kind === "tcp");
  if (open?.kind !== "tcp" || isAllowed || tls?.authoritiesFile !== undefined) return;
  throw new Failure(
    "invalid",
    `cannot serve at tcp://${formatAddress(open)}: everyone who reaches it would be root on this machine; give --tlsverify --tlscacert FILE --tlscert FILE --tlskey FILE, or --allow-unauthenticated-tcp if that is what you want`,
  );
}

/** `127.0.0.1:2376`, `[::1]:2376`. */
export function formatAddress({ hostname, port }: { hostname: string; port: number }): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function parseDaemonHost(host: string, tls: DaemonTls | undefined): DaemonHost {
  if (host === "fd://") return { kind: "fd" };
  if (host.startsWith("unix:///")) return { kind: "unix", path: host.slice("unix://".length) };
  if (host.startsWith("tcp://")) {
    // SPEC: dockerd's ports, and this machine alone where there is no address.
    const port = tls === undefined ? 2375 : 2376;
    const match = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]*)(?::(\d{1,5}))?\/?$/.exec(host);
    const given = Number(match?.[2] ?? port);
    if (match !== null && given > 0 && given < 65_536)
      return { kind: "tcp", hostname: (match[1] ?? "").replace(/^\[|\]$/g, "") || "127.0.0.1", port: given };
  }
  throw new Failure(
    "invalid",
    `cannot serve at "${host}": want unix:///path, tcp://address:port, or fd:// for the service manager's socket`,
  );
}

function criOf(values: DaemonValues, runRoot: string): CriOptions | undefined {
  const path = parseCriSocket(values.cri, runRoot);
  if (path === undefined) return undefined;
  const { "cni-conf-dir": configDirectory = "/etc/cni/net.d", "cni-bin-dir": binaryDirectories } = values;
  for (const directory of [configDirectory, ...binaryDirectories]) {
    if (!directory.startsWith("/") || directory.includes("\0"))
      throw new Failure(
        "invalid",
        `cannot use the CNI directory "${directory.slice(0, 200)}": want an absolute path`,
      );
  }
  return {
    path,
    configDirectory,
    binaryDirectories: binaryDirectories.length === 0 ? usualCniDirectories : binaryDirectories,
  };
}

/** `--cri` alone is "true": then the socket is in the run root. */
function parseCriSocket(text: string | undefined, runRoot: string): string | undefined {
  if (text === undefined || text === "false" || text === "") return undefined;
  if (text === "true") return join(runRoot, "cri.sock");
  if (text.startsWith("unix:///") && !text.includes("\0")) return text.slice("unix://".length);
  throw new Failure("invalid", `cannot serve the CRI at "${text.slice(0, 200)}": want unix:///path`);
}

/** SPEC: as for dockerd, no address before the port means all of them, and "" switches metrics off. */
function parseMetricsAddress(text: string | undefined): MetricsAddress | undefined {
  if (text === undefined || text === "") return undefined;
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2] ?? 0);
  if (match !== null && port > 0 && port < 65_536)
    return { hostname: (match[1] ?? "").replace(/^\[|\]$/g, "") || "0.0.0.0", port };
  throw new Failure(
    "invalid",
    `cannot serve metrics at "${text.slice(0, 100)}": want address:port, such as 127.0.0.1:9323`,
  );
}

function warningsOfMetrics(metrics: MetricsAddress | undefined): readonly string[] {
  if (metrics === undefined || /^(?:127\.[\d.]+|::1|localhost)$/.test(metrics.hostname)) return [];
  return [
    `WARNING: Metrics are accessible on http://${formatAddress(metrics)}/metrics without encryption.\n         Everyone who reaches it can read them. Refer to docs/guide/metrics.md.`,
  ];
}

async function settingsOf({ given, values }: Parsed<DaemonValues>): Promise<EngineSettings> {
  let settings: EngineSettings = {};
  for (const name of keysOf(globalFlags)) {
    const flag: GlobalFlag<unknown> = globalFlags[name];
    const value = values[name];
    if (flag.toSettings === undefined || !given.has(name) || value === undefined || value === null) continue;
    settings = mergeDefined(settings, await flag.toSettings(value));
  }
  const pools = values["default-address-pool"];
  return mergeDefined(settings, {
    addressPools: pools.length === 0 ? undefined : pools.map(parseAddressPool),
    cdiSpecDirectories: cdiDirectoriesOf(values),
    userlandProxy: values["userland-proxy"] ? undefined : false,
  });
}

/** Undefined: Docker's. As with dockerd, the feature `cdi=false` and a single empty text mean none. */
function cdiDirectoriesOf(values: DaemonValues): readonly string[] | undefined {
  const directories = values["cdi-spec-dir"];
  if (values.feature["cdi"] === "false" || (directories.length === 1 && directories[0] === "")) return [];
  const wrong = directories.find((directory) => !directory.startsWith("/") || directory.includes("\0"));
  if (wrong !== undefined)
    throw new Failure("invalid", `cannot use CDI specification directory "${wrong}": want an absolute path`);
  return nonEmpty(directories);
}

/** dockerd's, with where to read more. */
function warningsOf(host: DaemonHost, tls: DaemonTls | undefined): readonly string[] {
  if (host.kind !== "tcp" || tls?.authoritiesFile !== undefined) return [];
  const [scheme, missing] = tls === undefined ? ["http", "encryption"] : ["https", "TLS client verification"];
  return [
    `WARNING: API is accessible on ${scheme}://${formatAddress(host)} without ${missing}.\n         Access to the remote API is equivalent to root access on the host. Refer\n         to docs/guide/remote-access.md for a safe set-up.`,
  ];
}

function configurationOf(values: DaemonValues): Omit<DaemonConfiguration, "warnings"> {
  return {
    logLevel: logLevelOf(values),
    labels: values.label,
    createDefaults: defaultsOf(values),
    authorizationPlugins: [...new Set(values["authorization-plugin"].map(parsePluginName))],
    registries: registriesOf(values),
    features: Object.fromEntries(
      Object.entries(values.feature).map(([name, value]) => [name, value === "" || value === "true"]),
    ),
    shutdownTimeoutSeconds: values["shutdown-timeout"] ?? usualConfiguration.shutdownTimeoutSeconds,
  };
}

const logLevels: Readonly<Record<string, LogLevel>> = { warn: "warning", fatal: "error" };

function logLevelOf(values: DaemonValues): LogLevel {
  const words = ["debug", "info", "warn", "error", "fatal"] as const;
  const word = requireWord("log-level", values["log-level"], words) ?? "info";
  if (values.debug || word === "debug") return "debug";
  return logLevels[word] ?? (word === "error" ? "error" : "info");
}

function defaultsOf(values: DaemonValues): CreateDefaults {
  const ulimits = values["default-ulimit"].map(parseUlimit);
  for (const address of values.dns) parseIpAddress(address);
  return {
    init: values.init || undefined,
    noNewPrivileges: values["no-new-privileges"] || undefined,
    shmBytes: values["default-shm-size"],
    ipcMode: requireWord("default-ipc-mode", values["default-ipc-mode"], ["shareable", "private"]),
    cgroupnsMode: requireWord("default-cgroupns-mode", values["default-cgroupns-mode"], ["host", "private"]),
    ulimits: ulimits.length === 0 ? undefined : ulimits,
    log: logOf(values),
    dns: nonEmpty(values.dns),
    dnsOptions: nonEmpty(values["dns-opt"]),
    dnsSearch: nonEmpty(values["dns-search"]),
  };
}

function logOf(values: DaemonValues): CreateDefaults["log"] {
  const type = values["log-driver"];
  const options = values["log-opt"];
  if (type === undefined && Object.keys(options).length === 0) return undefined;
  if (type !== undefined && !isLogDriver(type))
    throw new Failure("invalid", `cannot use the log driver "${type}": Tare has no such driver`);
  const log = { Type: type ?? defaultLogDriver, Config: options };
  parseLog(log);
  return log;
}

function registriesOf(values: DaemonValues): RegistryOverrides {
  values["registry-mirror"].forEach(parseRegistryMirror);
  const { "http-proxy": http, "https-proxy": https, "no-proxy": no } = values;
  const hasProxies = http !== undefined || https !== undefined || no !== undefined;
  return {
    insecure: nonEmpty(values["insecure-registry"].map(parseInsecureRegistry)),
    mirrors: nonEmpty(values["registry-mirror"]),
    proxies: hasProxies ? { http, https, no } : undefined,
    downloadsAtOnce: positive("max-concurrent-downloads", values["max-concurrent-downloads"]),
    uploadsAtOnce: positive("max-concurrent-uploads", values["max-concurrent-uploads"]),
  };
}

/** The most of one pull or push: each has a connection and its buffers. */
const mostTransfers = 64;

/** SPEC: dockerd takes 0 as its default. */
function positive(flag: string, value: number | undefined): number | undefined {
  if (value === undefined || value === 0) return undefined;
  if (value < 0) throw new Failure("invalid", `invalid ${flag.replaceAll("-", " ")}: ${value}`);
  return Math.min(value, mostTransfers);
}

function nonEmpty<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values;
}

/** `tare [flags] daemon`, but not `tare daemon stop` or `tare daemon --help`. */
export function isDaemonCommand(words: readonly string[]): boolean {
  const valued = new Set(
    Object.entries(daemonFlags).flatMap(([name, { type, short }]) =>
      type === "" ? [] : [`--${name}`, ...(short === undefined ? [] : [`-${short}`])],
    ),
  );
  let at = 0;
  while (at < words.length && (words[at] ?? "").startsWith("-")) at += valued.has(words[at] ?? "") ? 2 : 1;
  if (words[at] !== "daemon") return false;
  return words
    .slice(at + 1)
    .every(
      (word, i, rest) =>
        word !== "--help" && word !== "-h" && (word.startsWith("-") || valued.has(rest[i - 1] ?? "")),
    );
}
