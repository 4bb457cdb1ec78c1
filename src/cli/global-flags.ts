import { keysOf } from "../base/keys.ts";
import { Failure } from "../base/failure.ts";
import type { EngineSettings } from "../model/engine-settings.ts";
import type { GlobalOptions } from "./context.ts";
import type { Flag } from "./flags/flag.ts";
import { bool, list, optional, string } from "./flags/kinds.ts";

export interface GlobalValues {
  readonly "blob-policy": string | undefined;
  readonly "bridge-bypass": boolean;
  readonly "bridge-gso-max-size": string | undefined;
  readonly config: string | undefined;
  readonly context: string | undefined;
  readonly "config-file": string | undefined;
  readonly "data-root": string | undefined;
  readonly debug: boolean;
  readonly gc: string | undefined;
  readonly host: string | undefined;
  readonly "log-level": string;
  readonly "publish-policy": string | undefined;
  readonly "run-root": string | undefined;
  readonly "socket-group": string | undefined;
  readonly "socket-mode": string | undefined;
  readonly "storage-driver": string | undefined;
  readonly "storage-opt": readonly string[];
  readonly tls: boolean;
  readonly tlscacert: string | undefined;
  readonly tlscert: string | undefined;
  readonly tlskey: string | undefined;
  readonly tlsverify: boolean;
  readonly "userns-pool": string | undefined;
  readonly version: boolean;
}

/** A flag before the command. */
export interface GlobalFlag<T> extends Flag<T> {
  /** A daemon that the command starts receives the flag. */
  readonly isForDaemon?: true | undefined;
  /** Converts the flag into an option of the daemon's engine. Its parser is loaded there only. Throws "invalid". */
  toSettings?(value: NonNullable<T>): Promise<EngineSettings>;
}

const logLevels = ["debug", "info", "warn", "error", "fatal"];

/** The only list of these flags: help, the started daemon's flags and its settings come from it. */
export const globalFlags: { readonly [K in keyof GlobalValues]: GlobalFlag<GlobalValues[K]> } = {
  "blob-policy": setting(
    optional("Handling of layer blobs after unpacking: keep, rebuild or refetch"),
    async (text) => ({ blobPolicy: (await import("../spec/registry/blob-policy.ts")).parseBlobPolicy(text) }),
  ),
  "bridge-bypass": setting(
    bool("Connect containers of the default bridge directly"),
    async (bridgeBypass) => ({
      bridgeBypass,
    }),
  ),
  "bridge-gso-max-size": setting(
    optional("Maximum size of TCP packets on the default bridge, 64k to 524280 bytes (default 64k)"),
    async (text) => {
      const { parseBridgeGsoMaxSize } = await import("../spec/gso-max-size.ts");
      return { bridgeGsoMaxSize: parseBridgeGsoMaxSize(text, "--bridge-gso-max-size") };
    },
  ),
  config: optional('Location of client config files (default "~/.docker")', { isFile: true }),
  context: optional(
    'Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with "tare context use")',
    { short: "c", names: "context" },
  ),
  "config-file": {
    ...optional('Daemon configuration file (at daemon start; default "/etc/tare/daemon.json")', {
      isFile: true,
    }),
    isForDaemon: true,
  },
  "data-root": {
    ...optional('Root directory of persistent state (default "/var/lib/tare")', { isFile: true }),
    isForDaemon: true,
  },
  debug: { ...bool("Enable debug mode", { short: "D" }), isForDaemon: true },
  gc: setting(
    optional("Retention of layers of failed pulls (default grace=1h,high=85%,low=80%)"),
    async (text) => ({ garbage: (await import("../spec/garbage-rules.ts")).parseGarbageRules(text) }),
  ),
  host: optional("Daemon socket to connect to (unix:///path, tcp://host:port or ssh://user@host)", {
    short: "H",
  }),
  "log-level": string('Set the logging level ("debug", "info", "warn", "error", "fatal")', {
    short: "l",
    words: logLevels,
    initial: "info",
  }),
  "publish-policy": setting(
    optional("Whether published ports bypass the host's firewall (docker) or obey it (respect-host)"),
    async (text) => ({ publishPolicy: (await import("../spec/publish-policy.ts")).parsePublishPolicy(text) }),
  ),
  "run-root": optional('Root directory for execution state files (default "/run/tare")', {
    isFile: true,
    also: ["exec-root"],
  }),
  "socket-group": {
    ...optional(
      "Group that may use the daemon's socket, which is root access (at daemon start; default root)",
      { also: ["group"] },
    ),
    isForDaemon: true,
  },
  "socket-mode": {
    ...optional("Permissions of the daemon's socket (at daemon start; default 0660)"),
    isForDaemon: true,
  },
  "storage-driver": setting(optional("Storage driver to use"), async (storageDriver) => ({ storageDriver })),
  "storage-opt": setting(
    list("Storage driver options (devicemapper: dm.NAME=VALUE)", { check: checkOption }),
    async (storageOptions) => ({ storageOptions }),
  ),
  tls: bool("Use TLS; implied by --tlsverify"),
  tlscacert: optional('Trust certs signed only by this CA (default "~/.docker/ca.pem")', { isFile: true }),
  tlscert: optional('Path to TLS certificate file (default "~/.docker/cert.pem")', { isFile: true }),
  tlskey: optional('Path to TLS key file (default "~/.docker/key.pem")', { isFile: true }),
  tlsverify: bool("Use TLS and verify the remote"),
  "userns-pool": setting(
    optional("Host user IDs for user namespaces of containers (first:count)"),
    async (text) => ({ idPool: (await import("../spec/id-pool.ts")).parseIdPool(text) }),
  ),
  version: bool("Print version information and quit", { short: "v" }),
};

function setting<T>(flag: Flag<T>, toSettings: NonNullable<GlobalFlag<T>["toSettings"]>): GlobalFlag<T> {
  return { ...flag, usage: `${flag.usage} (at daemon start)`, isForDaemon: true, toSettings };
}

function checkOption(text: string): string {
  if (text.includes("=")) return text;
  throw new Failure("invalid", `invalid storage option "${text}": want NAME=VALUE`);
}

const defaultRunRoot = "/run/tare";

/** Where the daemon listens that no flag, variable or context chooses. */
export const defaultHost: string = `unix://${defaultRunRoot}/tare.sock`;

/**
 * The daemon to connect to. Flags come before the environment, there TARE_HOST before DOCKER_HOST; a run root that was
 * given means the socket in it.
 */
export function resolveGlobals(
  values: GlobalValues,
  env: Readonly<Record<string, string | undefined>>,
): GlobalOptions {
  const { "run-root": runRoot, "data-root": dataRoot, context, "log-level": level } = values;
  if (!logLevels.includes(level)) throw new Failure("invalid", `Unable to parse logging level: ${level}`);
  if (context !== undefined && values.host !== undefined) {
    throw new Failure("invalid", "conflicting options: either specify --host or --context, not both");
  }
  return {
    // As in Docker, a context that is named counts more than the environment.
    ...resolveHost(values, context === undefined ? env : {}),
    context,
    tls: resolveTls(values, env),
    runRoot,
    dataRoot,
    daemonFlags: keysOf(globalFlags).flatMap((name) =>
      globalFlags[name].isForDaemon === true ? formatFlag(name, values[name]) : [],
    ),
    debug: values.debug || level === "debug",
    startsDaemon: true,
  };
}

/** As docker: the files of DOCKER_CERT_PATH or ~/.docker, where they exist, unless flags name others. */
function resolveTls(
  { tls, tlsverify, tlscacert, tlscert, tlskey }: GlobalValues,
  env: Readonly<Record<string, string | undefined>>,
): GlobalOptions["tls"] {
  const verify = tlsverify || isSet(env["DOCKER_TLS_VERIFY"]);
  if (!verify && !tls && !isSet(env["DOCKER_TLS"])) return undefined;
  const folder = env["DOCKER_CERT_PATH"] || env["DOCKER_CONFIG"] || `${env["HOME"] ?? "/root"}/.docker`;
  const { existsSync } = process.getBuiltinModule("node:fs");
  const find = (name: string): string | undefined =>
    existsSync(`${folder}/${name}`) ? `${folder}/${name}` : undefined;
  return {
    verify,
    authorityFile: tlscacert ?? find("ca.pem"),
    certFile: tlscert ?? find("cert.pem"),
    keyFile: tlskey ?? find("key.pem"),
  };
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== "";
}

function formatFlag(name: string, value: GlobalValues[keyof GlobalValues]): readonly string[] {
  if (value === undefined || value === false) return [];
  if (value === true) return [`--${name}`];
  return (typeof value === "string" ? [value] : value).map((text) => `--${name}=${text}`);
}

function resolveHost(
  values: GlobalValues,
  env: Readonly<Record<string, string | undefined>>,
): Pick<GlobalOptions, "host" | "hostFrom"> {
  if (values.host !== undefined) return { host: values.host, hostFrom: "flag" };
  const runRoot = values["run-root"];
  if (runRoot !== undefined) return { host: `unix://${runRoot}/tare.sock`, hostFrom: "run-root" };
  for (const name of ["TARE_HOST", "DOCKER_HOST"]) {
    const host = env[name];
    if (host !== undefined && host !== "") return { host, hostFrom: "environment" };
  }
  return { host: defaultHost, hostFrom: "default" };
}
