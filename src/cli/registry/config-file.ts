import { hasMembers, isRecord, isText } from "../../base/is-record.ts";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { optionFailure } from "../flags/flag.ts";

/** Docker's client configuration, as far as registries go; all else in it is kept as it is. */
export interface DockerConfig {
  readonly path: string;
  readonly auths: Readonly<Record<string, StoredAuth>>;
  /** Program for all registries: `docker-credential-NAME`. */
  readonly credsStore?: string | undefined;
  /** By registry. */
  readonly credHelpers: Readonly<Record<string, string>>;
  /** The whole document. */
  readonly document: Readonly<Record<string, unknown>>;
}

export interface StoredAuth {
  /** base64 of `user:password`. */
  readonly auth?: string | undefined;
  readonly identitytoken?: string | undefined;
  readonly registrytoken?: string | undefined;
}

/**
 * `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`; empty when there is none. Throws "invalid" for one that
 * can't be read.
 */
export function readDockerConfig(env: Readonly<Record<string, string | undefined>>): DockerConfig {
  const path = join(env["DOCKER_CONFIG"] || join(env["HOME"] || homedir(), ".docker"), "config.json");
  return readConfigFile(path) ?? { path, auths: {}, credHelpers: {}, document: {} };
}

/**
 * Writes the configuration with these members changed; undefined removes one. Whole or not at all, for its owner alone;
 * all else that is in the file stays.
 */
export function writeDockerConfig(
  { path, document }: Pick<DockerConfig, "path" | "document">,
  changes: Readonly<Record<string, unknown>>,
): void {
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${JSON.stringify({ ...document, ...changes }, undefined, "\t")}\n`, {
      mode: 0o600,
    });
    renameSync(draft, path);
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw new Failure("not-permitted", `cannot write ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
}

/** The file of `--authfile`, which has the same form. Throws "invalid" for one that is not there or can't be read. */
export function readAuthFile(name: string, cwd: string): DockerConfig {
  const path = resolve(cwd, name);
  const config = readConfigFile(path);
  if (config !== undefined) return config;
  throw optionFailure(`--authfile ${name}: no such file or directory`);
}

/** Undefined: it is not there. */
function readConfigFile(path: string): DockerConfig | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") {
      return undefined;
    }
    throw new Failure("not-permitted", `cannot read ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
  const refused = (detail: string): Failure => new Failure("invalid", `cannot read ${path}: ${detail}`);
  let document: unknown;
  try {
    document = text.trim() === "" ? {} : JSON.parse(text);
  } catch (thrown) {
    throw refused(sentenceOf(thrown));
  }
  if (!isRecord(document)) throw refused("it must be a JSON object");
  const { auths = {}, credHelpers = {}, credsStore } = document;
  if (!isRecord(auths) || !hasMembers(auths, isRecord)) throw refused("auths must be an object of objects");
  if (!isRecord(credHelpers) || !hasMembers(credHelpers, isText)) {
    throw refused("credHelpers must be an object of strings");
  }
  if (credsStore !== undefined && typeof credsStore !== "string")
    throw refused("credsStore must be a string");
  return {
    path,
    auths,
    credHelpers,
    credsStore: credsStore || undefined,
    document,
  };
}
