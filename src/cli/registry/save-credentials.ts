import { Failure } from "../../base/failure.ts";
import { readDockerConfig, writeDockerConfig } from "./config-file.ts";
import { askHelper } from "./credential-helper.ts";
import { findCredentials, hostOf, serverAddressOf } from "./find-credentials.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The registry of what a person types: `https://index.docker.io/v1/`, `localhost:5000`, `ghcr.io/`. Throws "invalid".
 */
export function domainOf(server: string): string {
  const [host = ""] = server.replace(/^https?:\/\//, "").split("/");
  if (!/^[a-zA-Z0-9.-]+(:\d{1,5})?$|^\[[0-9a-fA-F:]+\](:\d{1,5})?$/.test(host)) {
    throw new Failure("invalid", `cannot log in to "${server}": it is no name of a registry`);
  }
  return ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(host) ? "docker.io" : host;
}

/** Returns the file's path when they had to be written into it unencrypted. */
export async function saveCredentials(
  {
    domain,
    username,
    password,
  }: { readonly domain: string; readonly username: string; readonly password: string },
  env: Environment,
): Promise<string | undefined> {
  const config = readDockerConfig(env);
  const server = serverAddressOf(domain);
  const helper = config.credHelpers[domain] ?? config.credHelpers[server] ?? config.credsStore;
  if (helper !== undefined) {
    await askHelper(
      helper,
      "store",
      JSON.stringify({ ServerURL: server, Username: username, Secret: password }),
    );
    writeDockerConfig(config, { auths: { ...config.auths, [server]: {} } });
    return undefined;
  }
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  writeDockerConfig(config, { auths: { ...config.auths, [server]: { auth } } });
  return config.path;
}

/** False when nothing was known. */
export async function removeCredentials(domain: string, env: Environment): Promise<boolean> {
  const config = readDockerConfig(env);
  const server = serverAddressOf(domain);
  // Old clients have written a scheme and a path before and behind it.
  const isMeant = (key: string): boolean => key === server || key === domain || hostOf(key) === domain;
  const keys = Object.keys(config.auths).filter(isMeant);
  if (keys.length === 0 && (await findCredentials(config, domain)) === undefined) return false;
  const helper = config.credHelpers[domain] ?? config.credHelpers[server] ?? config.credsStore;
  if (helper !== undefined) {
    for (const each of new Set([server, ...keys])) await askHelper(helper, "erase", each);
  }
  writeDockerConfig(config, {
    auths: Object.fromEntries(Object.entries(config.auths).filter(([key]) => !isMeant(key))),
  });
  return true;
}
