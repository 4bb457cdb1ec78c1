import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { type DockerConfig, readDockerConfig } from "./config-file.ts";
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
    writeAuths(config, { ...config.auths, [server]: {} });
    return undefined;
  }
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  writeAuths(config, { ...config.auths, [server]: { auth } });
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
  writeAuths(config, Object.fromEntries(Object.entries(config.auths).filter(([key]) => !isMeant(key))));
  return true;
}

/** Whole or not at all, for its owner alone; all else that is in the file stays. */
function writeAuths({ path, document }: DockerConfig, auths: DockerConfig["auths"]): void {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${JSON.stringify({ ...document, auths }, undefined, "\t")}\n`, { mode: 0o600 });
    renameSync(draft, path);
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw new Failure("not-permitted", `cannot write ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
}
