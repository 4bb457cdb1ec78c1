import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { readDockerConfig } from "../registry/config-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where packages and people put the plugins of Docker's client. SPEC: docker/cli, cli-plugins/manager */
const pluginDirectories = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/** The path of the installed Compose: a plugin of Docker's client, else `docker-compose` of PATH. */
export function findCompose(env: Environment): string | undefined {
  return composePaths(env).find(isExecutable);
}

/** In the order in which they are tried. */
export function composePaths(env: Environment): readonly string[] {
  const { path, document } = readDockerConfig(env);
  const { cliPluginsExtraDirs: extra = [] } = document;
  const directories = [
    ...(Array.isArray(extra) ? extra.filter((one) => typeof one === "string") : []),
    join(path, "../cli-plugins"),
    join(env["HOME"] || homedir(), ".docker/cli-plugins"),
    ...pluginDirectories,
    ...(env["PATH"] ?? "").split(":").filter((directory) => directory.startsWith("/")),
  ];
  return [...new Set(directories.map((directory) => join(directory, "docker-compose")))];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
