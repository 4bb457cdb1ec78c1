import { isRecord } from "../../../base/is-record.ts";
import { Failure } from "../../../base/failure.ts";
import { readDockerConfig } from "../../registry/config-file.ts";

/** Fields of an entry of `proxies`, and the variable that each stands for. */
const variables = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  noProxy: "NO_PROXY",
  ftpProxy: "FTP_PROXY",
  allProxy: "ALL_PROXY",
} as const;

/**
 * Reads the proxies of containers from Docker's client configuration (`proxies` of `config.json`: an entry by the
 * daemon's host, else `default`), as environment variables in upper and lower case. Throws "invalid" for a
 * configuration that cannot be parsed.
 */
export function readConfiguredProxies(
  env: Readonly<Record<string, string | undefined>>,
  host: string,
): readonly string[] {
  const { path, document } = readDockerConfig(env);
  const refused = (): Failure =>
    new Failure("invalid", `cannot read ${path}: proxies must be an object of objects of strings`);
  const { proxies = {} } = document;
  if (!isRecord(proxies)) throw refused();
  const entry = proxies[host] ?? proxies["default"] ?? {};
  if (!isRecord(entry)) throw refused();
  return Object.entries(variables).flatMap(([field, name]) => {
    const { [field]: value = "" } = entry;
    if (typeof value !== "string") throw refused();
    return value === "" ? [] : [`${name}=${value}`, `${name.toLowerCase()}=${value}`];
  });
}
