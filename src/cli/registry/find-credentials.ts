import { formatRegistryAuth, formatRegistryConfig } from "../../api/image/registry-auth.ts";
import { parseReference } from "../../spec/reference.ts";
import type { RegistryCredentials } from "../../spec/registry/registry-credentials.ts";
import type { CliContext } from "../context.ts";
import { type DockerConfig, readAuthFile, readDockerConfig } from "./config-file.ts";
import { askHelper } from "./credential-helper.ts";

/** Under which Docker keeps what is for its own registry. */
const dockerHub = "https://index.docker.io/v1/";

/** The name by which a registry's credentials are kept. */
export function serverAddressOf(domain: string): string {
  return domain === "docker.io" ? dockerHub : domain;
}

/** Finds the credentials for a registry in Docker's configuration or the helper that it names; undefined: none. */
export async function findCredentials(
  config: DockerConfig,
  domain: string,
): Promise<RegistryCredentials | undefined> {
  const server = serverAddressOf(domain);
  const helper = config.credHelpers[domain] ?? config.credHelpers[server] ?? config.credsStore;
  if (helper !== undefined) {
    const found = await askHelper(helper, "get", server);
    if (found !== undefined) {
      return found.username === "<token>"
        ? { kind: "identity-token", token: found.secret }
        : { kind: "password", username: found.username, password: found.secret };
    }
  }
  return storedCredentials(config, domain);
}

function storedCredentials({ auths }: DockerConfig, domain: string): RegistryCredentials | undefined {
  const server = serverAddressOf(domain);
  const stored =
    auths[server] ?? auths[domain] ?? Object.entries(auths).find(([key]) => hostOf(key) === domain)?.[1];
  if (stored === undefined) return undefined;
  if (stored.identitytoken) return { kind: "identity-token", token: stored.identitytoken };
  if (stored.registrytoken) return { kind: "registry-token", token: stored.registrytoken };
  const [username = "", ...password] = Buffer.from(stored.auth ?? "", "base64")
    .toString("utf8")
    .split(":");
  // Old versions of Docker ended it with NULs.
  return username === ""
    ? undefined
    : { kind: "password", username, password: password.join(":").replace(/\0+$/, "") };
}

/** Registries with credentials in the configuration or its helpers. */
export async function knownRegistries(
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const config = readDockerConfig(env);
  const { listHelper } = await import("./credential-helper.ts");
  const helpers = new Set([...Object.values(config.credHelpers), ...(config.credsStore ?? "").split(",")]);
  const servers = [...Object.keys(config.auths), ...Object.keys(config.credHelpers)];
  for (const helper of helpers) if (helper !== "") servers.push(...Object.keys(await listHelper(helper)));
  return [...new Set(servers.map((server) => (server === dockerHub ? "docker.io" : hostOf(server))))].sort();
}

/** Keys have been written with a scheme and a path, too. */
export function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").split("/")[0] ?? "";
}

/** The X-Registry-Auth header for an image; undefined when nothing is known of its registry. */
export async function registryAuthFor(
  image: string,
  {
    env,
    cwd,
    authFile = "",
  }: Pick<CliContext, "env" | "cwd"> & {
    /** In place of Docker's configuration. */
    readonly authFile?: string | undefined;
  },
): Promise<string | undefined> {
  const { domain } = parseReference(image);
  const config = authFile === "" ? readDockerConfig(env) : readAuthFile(authFile, cwd);
  const credentials = await findCredentials(config, domain);
  return credentials === undefined ? undefined : formatRegistryAuth(credentials, serverAddressOf(domain));
}

/** The X-Registry-Config header for images of several registries; undefined when nothing is known of any. */
export async function registryConfigFor(
  images: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const config = readDockerConfig(env);
  const known: Record<string, RegistryCredentials> = {};
  for (const domain of new Set(images.map((image) => parseReference(image).domain))) {
    const credentials = await findCredentials(config, domain);
    if (credentials !== undefined) known[domain] = credentials;
  }
  return formatRegistryConfig(known);
}

/** The same with the credentials of all registries that are known. */
export async function allRegistryConfig(
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const config = readDockerConfig(env);
  const known: Record<string, RegistryCredentials> = {};
  for (const domain of await knownRegistries(env)) {
    const credentials = await findCredentials(config, domain);
    if (credentials !== undefined) known[domain] = credentials;
  }
  return formatRegistryConfig(known);
}
