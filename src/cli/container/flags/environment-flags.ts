import type { Mount } from "../../../api/types/host-config.ts";
import { Failure } from "../../../base/failure.ts";
import { bool, list, string } from "../../flags/kinds.ts";
import { readKeyValueFile } from "./parsers/key-value-file.ts";
import { type FieldTable, type Surroundings, toTare } from "./request-fields.ts";

/** Flags about the variables of the process. */
export interface EnvironmentValues {
  readonly env: readonly string[];
  readonly "env-file": readonly string[];
  readonly "env-host": boolean;
  readonly "env-merge": readonly string[];
  readonly "http-proxy": boolean;
  readonly tz: string;
  readonly unsetenv: readonly string[];
  readonly "unsetenv-all": boolean;
}

export const environmentFlags: FieldTable<EnvironmentValues> = {
  env: list("Set environment variables", { short: "e", check: checkVariable }),
  "env-file": list("Read in a file of environment variables", { isFile: true }),
  "env-host": bool("Set all environment variables of the host's command line (not in Docker)"),
  "env-merge": toTare(
    "EnvMerge",
    list("Set a variable based on those of the image: PATH=${PATH}:/more (not in Docker)", {
      check: checkMerge,
    }),
  ),
  "http-proxy": bool(
    "Set the proxy variables of the host's command line (http_proxy, no_proxy, …); false also ignores those of ~/.docker/config.json (not in Docker)",
  ),
  tz: string('Time zone: a name, for example Europe/Berlin, or "local" for the host\'s (not in Docker)', {
    check: checkZone,
  }),
  unsetenv: list("Unset an environment variable of the image (not in Docker)", { check: checkName }),
  "unsetenv-all": toTare(
    "UnsetEnvAll",
    bool("Unset all default environment variables except HOME (not in Docker)"),
  ),
};

/** Podman's. */
const proxyVariables = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"] as const;

/** Variables that `--env` and `--env-file` override. */
export function parseDefaultVariables(
  values: Pick<EnvironmentValues, "env-host" | "http-proxy" | "tz" | "unsetenv">,
  env: Surroundings["env"],
): readonly string[] {
  const host = values["env-host"]
    ? Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    : [];
  const proxies = values["http-proxy"]
    ? proxyVariables
        .flatMap((name) => [name, name.toUpperCase()])
        .flatMap((name) => (env[name] === undefined ? [] : [`${name}=${env[name]}`]))
    : [];
  const zone = values.tz === "" || values.tz === "local" ? [] : [`TZ=${values.tz}`];
  // A name without a value removes the image's variable.
  return [...host, ...proxies, ...zone, ...values.unsetenv];
}

/**
 * The variables of `--env-file` and `--env`; the latter come last and override. A name alone takes the value of the
 * command's own environment; without one there, it removes the image's variable.
 */
export function parseEnv(
  values: Pick<EnvironmentValues, "env" | "env-file">,
  surroundings: Surroundings,
): readonly string[] {
  if (values.env.length === 0 && values["env-file"].length === 0) return [];
  const fromFiles = values["env-file"].flatMap((path) => readKeyValueFile(path, surroundings));
  const own = values.env.map((entry) => {
    const value = entry.includes("=") ? undefined : surroundings.env[entry];
    return value === undefined ? entry : `${entry}=${value}`;
  });
  return [...fromFiles, ...own];
}

/** The time zone's file, from the host. */
export function parseZoneMount({ tz }: Pick<EnvironmentValues, "tz">): readonly Mount[] {
  if (tz === "") return [];
  const source = tz === "local" ? "/etc/localtime" : `/usr/share/zoneinfo/${tz}`;
  return [{ Type: "bind", Source: source, Target: "/etc/localtime", ReadOnly: true }];
}

function checkVariable(text: string): string {
  if (text === "" || text.startsWith("="))
    throw new Failure("invalid", `invalid environment variable: ${text}`);
  return text;
}

function checkZone(text: string): string {
  if (/^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+){0,3}$/.test(text)) return text;
  throw new Failure("invalid", `invalid time zone "${text}"`);
}

function checkName(text: string): string {
  if (text !== "" && !text.includes("=")) return text;
  throw new Failure("invalid", `invalid environment variable name "${text}"`);
}

function checkMerge(text: string): string {
  if (/^[^=\0]+=/.test(text)) return text;
  throw new Failure("invalid", "want NAME=VALUE, with ${OTHER} in the value");
}
