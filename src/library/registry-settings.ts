import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { mergeDefined } from "../base/defined.ts";
import { Failure, sentenceOf } from "../base/failure.ts";
import type { RegistriesOptions } from "../image/registries.ts";
import type { TlsMaterial } from "../image/tls-material.ts";
import { noRegistriesConfig, type RegistriesConfig } from "../spec/registry/registries-config.ts";
import type { RegistryOverrides } from "../spec/registry/registry-overrides.ts";

export interface RegistrySettings {
  /** Mirrors, insecure and blocked registries, in the format of containers-registries.conf(5). */
  readonly configFile: string;
  /**
   * Each with a directory for a host: `*.crt` authorities, `*.cert` with `*.key` our own certificates, as Docker has
   * them.
   */
  readonly certificateDirectories: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asked before each use, so that a change counts for the next pull. */
  readonly overrides?: (() => RegistryOverrides) | undefined;
}

/** Read when they are needed, so that a change counts for the next pull. */
export function registryOptionsOf({
  configFile,
  certificateDirectories,
  env,
  overrides = () => ({}),
}: RegistrySettings): RegistriesOptions {
  return {
    readConfig: async () => {
      const { withOverrides } = await import("../spec/registry/registry-overrides.ts");
      return withOverrides(await readConfig(configFile), overrides());
    },
    tlsOf: (host) => readTls(certificateDirectories, host),
    proxyOf: async (url) => {
      const { findProxy } = await import("../spec/proxy-settings.ts");
      return findProxy(url, proxyVariables(env, overrides().proxies));
    },
    transferLimits: () => {
      const { downloadsAtOnce: downloads, uploadsAtOnce: uploads } = overrides();
      return { downloads, uploads };
    },
  };
}

/** The environment with the proxies of the daemon's configuration in place of its own. */
function proxyVariables(
  env: RegistrySettings["env"],
  { http, https, no }: NonNullable<RegistryOverrides["proxies"]> = {},
): RegistrySettings["env"] {
  const replaced = { http_proxy: http, https_proxy: https, no_proxy: no };
  return mergeDefined(env, replaced);
}

async function readConfig(path: string): Promise<RegistriesConfig> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (isMissing(thrown)) return noRegistriesConfig;
    throw new Failure("not-permitted", `cannot read ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
  const { parseRegistriesConfig } = await import("../spec/registry/parse-registries-config.ts");
  return parseRegistriesConfig(text, path);
}

async function readTls(directories: readonly string[], host: string): Promise<TlsMaterial> {
  for (const directory of directories) {
    const hostDirectory = join(directory, host);
    const names = await readdir(hostDirectory).catch((thrown: unknown): string[] => {
      if (isMissing(thrown)) return [];
      throw new Failure("not-permitted", `cannot read ${hostDirectory}: ${sentenceOf(thrown)}`, {
        cause: thrown,
      });
    });
    if (names.length === 0) continue;
    const text = (name: string): Promise<string> => readFile(join(hostDirectory, name), "utf8");
    const ca = await Promise.all(
      names
        .filter((name) => name.endsWith(".crt"))
        .sort()
        .map(text),
    );
    const cert = names.find((name) => name.endsWith(".cert"));
    if (cert === undefined) return { ca };
    const key = cert.replace(/\.cert$/, ".key");
    if (!names.includes(key))
      throw new Failure("invalid", `cannot use ${join(hostDirectory, cert)}: there is no ${key} next to it`);
    return {
      ca: ca.length === 0 ? undefined : ca,
      clientCertificate: { cert: await text(cert), key: await text(key) },
    };
  }
  return {};
}

function isMissing(thrown: unknown): boolean {
  return (
    thrown instanceof Error && "code" in thrown && (thrown.code === "ENOENT" || thrown.code === "ENOTDIR")
  );
}
