import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import { isRecord } from "../../base/is-record.ts";

/** A context as Docker's client stores it. SPEC: docker/cli, cli/context/store */
export interface StoredContext {
  readonly Name: string;
  /** `Description`, and what other programs have added. */
  readonly Metadata: Readonly<Record<string, unknown>>;
  readonly Endpoints: Readonly<Record<string, unknown>>;
}

/** Of the endpoint `docker`. */
export interface DockerEndpoint {
  /** `unix:///run/tare/tare.sock`, `tcp://build:2375` */
  readonly Host: string;
  readonly SkipTLSVerify: boolean;
}

/** Text that keeps a name inside its directory, and out of options. */
const namePattern = "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$";

/** Throws "invalid", in Docker's words, for a name that no stored context can have. */
export function checkContextName(name: string): void {
  if (name === "default") throw new Failure("invalid", '"default" is a reserved context name');
  if (new RegExp(namePattern).test(name)) return;
  throw new Failure(
    "invalid",
    `context name "${name}" is invalid, names are validated against regexp "${namePattern}"`,
  );
}

/** The contexts in the directory of Docker's client configuration. Programs that share it see each change whole. */
export class ContextStore {
  readonly #directory: string;

  /** `directory`: `~/.docker` */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** In the order of their names. Throws "corrupt" for one that cannot be read. */
  list(): readonly StoredContext[] {
    return this.#folders()
      .flatMap((folder) => this.#read(join(this.#directory, "contexts/meta", folder, "meta.json")) ?? [])
      .sort((one, other) => (one.Name < other.Name ? -1 : 1));
  }

  find(name: string): StoredContext | undefined {
    return this.#read(this.#metaFile(name));
  }

  /** Throws "not-found", in Docker's words. */
  get(name: string): StoredContext {
    const found = this.find(name);
    if (found !== undefined) return found;
    throw new Failure(
      "not-found",
      `context "${name}": context not found: open ${this.#metaFile(name)}: no such file or directory`,
    );
  }

  /** Written whole or not at all; replaces one of the same name. */
  save(context: StoredContext): void {
    const path = this.#metaFile(context.Name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const draft = `${path}.${process.pid}`;
    try {
      writeFileSync(draft, JSON.stringify(context), { mode: 0o644 });
      renameSync(draft, path);
    } catch (thrown) {
      rmSync(draft, { force: true });
      throw new Failure("not-permitted", `cannot write ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
    }
  }

  /** With its keys; nothing happens when there is none. */
  remove(name: string): void {
    const { metadata, tls } = this.paths(name);
    rmSync(metadata, { recursive: true, force: true });
    rmSync(tls, { recursive: true, force: true });
  }

  /** The directories of a context. */
  paths(name: string): { readonly metadata: string; readonly tls: string } {
    const folder = createHash("sha256").update(name).digest("hex");
    return {
      metadata: join(this.#directory, "contexts/meta", folder),
      tls: join(this.#directory, "contexts/tls", folder),
    };
  }

  /** Names of the key files of each endpoint. */
  keyFiles(name: string): Readonly<Record<string, readonly string[]>> {
    const { tls } = this.paths(name);
    return Object.fromEntries(
      listDirectory(tls).map((endpoint) => [endpoint, listDirectory(join(tls, endpoint))]),
    );
  }

  /** Adds key files of the endpoint `docker`. */
  saveKeys(name: string, files: ReadonlyMap<string, Uint8Array>): void {
    const directory = join(this.paths(name).tls, "docker");
    for (const [file, bytes] of files) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(join(directory, file), bytes, { mode: 0o600 });
    }
  }

  readKey(name: string, endpoint: string, file: string): Buffer {
    return readFileSync(join(this.paths(name).tls, endpoint, file));
  }

  copyKeys(from: string, to: string): void {
    const names = this.keyFiles(from)["docker"] ?? [];
    this.saveKeys(to, new Map(names.map((file) => [file, this.readKey(from, "docker", file)])));
  }

  #metaFile(name: string): string {
    return join(this.paths(name).metadata, "meta.json");
  }

  #folders(): readonly string[] {
    return listDirectory(join(this.#directory, "contexts/meta"));
  }

  #read(path: string): StoredContext | undefined {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return undefined;
      throw new Failure("not-permitted", `cannot read ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
    }
    try {
      return parseContext(text);
    } catch (thrown) {
      throw new Failure("corrupt", `cannot read ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
    }
  }
}

/** A `meta.json`. Throws "invalid". */
export function parseContext(text: string): StoredContext {
  const refused = (detail: string): Failure => new Failure("invalid", `it is no context: ${detail}`);
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (thrown) {
    throw refused(sentenceOf(thrown));
  }
  const { Name, Metadata = {}, Endpoints = {} } = isRecord(given) ? given : {};
  if (typeof Name !== "string") throw refused("Name must be a text");
  if (!isRecord(Metadata) || !isRecord(Endpoints)) throw refused("Metadata and Endpoints must be objects");
  return { Name, Metadata, Endpoints };
}

/** Throws "invalid" when the context has no endpoint for Docker's API. */
export function endpointOf({ Name, Endpoints }: StoredContext): DockerEndpoint {
  const { Host, SkipTLSVerify } = isRecord(Endpoints["docker"]) ? Endpoints["docker"] : {};
  if (typeof Host === "string" && Host !== "") return { Host, SkipTLSVerify: SkipTLSVerify === true };
  throw new Failure("invalid", `cannot use the context "${Name}": it has no host of a Docker endpoint`);
}

export function descriptionOf({ Metadata: { Description } }: StoredContext): string {
  return typeof Description === "string" ? Description : "";
}

function listDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return [];
    throw new Failure("not-permitted", `cannot read ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  }
}
