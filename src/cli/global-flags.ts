import { Failure } from "../base/failure.ts";
import type { GlobalOptions } from "./context.ts";
import type { TableOf } from "./flags/flag.ts";
import { bool, list, optional } from "./flags/kinds.ts";

export interface GlobalValues {
  readonly "blob-policy": string | undefined;
  readonly "bridge-bypass": boolean;
  readonly "bridge-gso-max-size": string | undefined;
  readonly "data-root": string | undefined;
  readonly debug: boolean;
  readonly gc: string | undefined;
  readonly host: string | undefined;
  readonly "publish-policy": string | undefined;
  readonly "run-root": string | undefined;
  readonly "storage-driver": string | undefined;
  readonly "storage-opt": readonly string[];
  readonly "userns-pool": string | undefined;
  readonly version: boolean;
}

/** The flags before the command. */
export const globalFlags: TableOf<GlobalValues> = {
  "blob-policy": optional(
    "Layers' blobs after unpacking, in a daemon that is started (keep, rebuild, refetch)",
  ),
  "bridge-bypass": bool(
    "Packets between containers of the default bridge pass it by, in a daemon that is started",
  ),
  "bridge-gso-max-size": optional(
    "Largest packets of TCP on the default bridge, in a daemon that is started (64k to 524280 bytes, default 64k)",
  ),
  "data-root": optional('Where the daemon keeps what lasts (default "/var/lib/tare")', { isFile: true }),
  debug: bool("Say more about what goes wrong", { short: "D" }),
  gc: optional("What a daemon that is started keeps of failed pulls (default grace=1h,high=85%,low=80%)"),
  host: optional("Daemon socket to connect to (unix:///path)", { short: "H" }),
  "publish-policy": optional(
    "Whether published ports of a daemon that is started obey the host's firewall (docker, respect-host)",
  ),
  "run-root": optional('Where the daemon keeps what ends with the machine (default "/run/tare")', {
    isFile: true,
  }),
  "storage-driver": optional("Storage driver of a daemon that is started"),
  "storage-opt": list("Storage driver option of a daemon that is started (devicemapper: dm.NAME=VALUE)", {
    check: checkOption,
  }),
  "userns-pool": optional("Host user IDs for containers of a daemon that is started (first:count)"),
  version: bool("Print version information and quit", { short: "v" }),
};

function checkOption(text: string): string {
  if (text.includes("=")) return text;
  throw new Failure("invalid", `"${text}" is no storage option: want NAME=VALUE`);
}

const defaultRunRoot = "/run/tare";

/**
 * Which daemon is meant. Flags come before the environment, there TARE_HOST before DOCKER_HOST;
 * a run root that was named means the socket in it.
 */
export function resolveGlobals(
  values: GlobalValues,
  env: Readonly<Record<string, string | undefined>>,
): GlobalOptions {
  const runRoot = values["run-root"];
  const {
    "data-root": dataRoot,
    "storage-driver": storageDriver,
    "storage-opt": storageOptions,
    "userns-pool": usernsPool,
    gc,
    "blob-policy": blobPolicy,
    "publish-policy": publishPolicy,
    "bridge-bypass": bridgeBypass,
    "bridge-gso-max-size": bridgeGsoMaxSize,
    debug,
  } = values;
  return {
    ...resolveHost(values, env),
    ...(runRoot === undefined ? {} : { runRoot }),
    ...(dataRoot === undefined ? {} : { dataRoot }),
    ...(storageDriver === undefined ? {} : { storageDriver }),
    ...(storageOptions.length === 0 ? {} : { storageOptions }),
    ...(usernsPool === undefined ? {} : { usernsPool }),
    ...(blobPolicy === undefined ? {} : { blobPolicy }),
    ...(publishPolicy === undefined ? {} : { publishPolicy }),
    ...(bridgeBypass ? { bridgeBypass } : {}),
    ...(bridgeGsoMaxSize === undefined ? {} : { bridgeGsoMaxSize }),
    ...(gc === undefined ? {} : { gc }),
    debug,
    startsDaemon: true,
  };
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
  return { host: `unix://${defaultRunRoot}/tare.sock`, hostFrom: "default" };
}
