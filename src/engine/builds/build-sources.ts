import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { Failure } from "../../base/failure.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { GitOperation, HttpOperation } from "../../build/graph/graph-types.ts";
import { download } from "../../build/sources/download.ts";
import { checkOutGit, resolveCommit } from "../../build/sources/git-checkout.ts";
import type { GitAccess } from "../../build/sources/run-git.ts";
import { shownUrl } from "../../image/open-url.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { measureTree, removeTreeInWorker } from "../../linux/tree/tree.ts";
import type { BuildRequest } from "../../model/builds.ts";
import type { GitReference } from "../../spec/git-url.ts";
import { findProxy } from "../../spec/proxy-settings.ts";
import type { ContainerContext } from "../context.ts";
import type { BuildSourceEntry } from "../state/records.ts";
import { openAgentSocket } from "./agent-socket.ts";

/** What a build gives for its sources. */
export interface SourceAccess extends Pick<BuildRequest, "buildArgs" | "readSecret" | "openAgent"> {
  readonly signal: AbortSignal;
  readonly onProgress?: ((bytes: number, total: number | undefined) => void) | undefined;
}

/** A directory that stays as it is until this is disposed of. */
export interface HeldSource extends Disposable {
  readonly path: string;
  /** It was here, and nothing had to be brought. */
  readonly isCached: boolean;
}

/**
 * What builds have from web servers and git repositories: directories in `<dataRoot>/build/sources`, each named in a
 * record of the build cache; others are unfinished, or were replaced while a build read them.
 */
export class BuildSources {
  readonly #context: ContainerContext;
  readonly #root: string;
  readonly #locks = new KeyedLock();
  /** Builds that read a directory, by its name. */
  readonly #users = new Map<string, number>();

  /** What an earlier engine left unfinished is removed. */
  constructor(context: ContainerContext) {
    this.#context = context;
    this.#root = join(context.dependencies.dataRoot, "build", "sources");
    if (!existsSync(this.#root)) return;
    const known = new Set<string>();
    for (const entry of context.state.buildCache().values())
      if (entry.kind === "source") known.add(entry.directory);
    for (const name of readdirSync(this.#root))
      if (!known.has(name)) rmSync(join(this.#root, name), { recursive: true, force: true });
  }

  isUsed({ directory }: BuildSourceEntry): boolean {
    return this.#users.has(directory);
  }

  /** Removes the files, at once or when no build reads them any more; the caller removes the record. */
  async remove(entry: BuildSourceEntry): Promise<void> {
    if (!this.isUsed(entry)) await this.#removeDirectory(entry.directory);
  }

  async #removeDirectory(name: string): Promise<void> {
    if (!existsSync(this.#root)) return;
    using root = openDirectoryPath(this.#root);
    await removeTreeInWorker(root.fd, name);
  }

  /** A directory with the file alone. Throws as download(); "invalid" where it has another digest. */
  async openFile({ url: text, checksum }: HttpOperation, access: SourceAccess): Promise<HeldSource> {
    const url = new URL(text);
    const { signal, onProgress } = access;
    const authorization = await findAuthorization(url, access);
    const key = keyOf(["http", text, authorization]);
    using _ = await this.#locks.acquire(key, { signal });
    const known = this.#find(key);
    // SPEC: BuildKit does not ask for a file whose digest it has.
    if (known?.digest !== undefined && known.digest === checksum)
      return this.#hold(known, { isCached: true });
    await using fresh = this.#begin();
    const found = await download(url, {
      directory: fresh.path,
      etag: known?.etag,
      headers: authorization === undefined ? undefined : { Authorization: authorization },
      proxyOf: async (to) => await this.#proxyOf(to, access),
      signal,
      onProgress: (bytes, total) => onProgress?.(bytes, total),
    });
    if (found === "unchanged") {
      if (known === undefined) throw new Failure("internal", "cannot use a file that is not here");
      requireDigest(known.digest, checksum, url);
      return this.#hold(known, { isCached: true });
    }
    requireDigest(found.digest, checksum, url);
    return await this.#keep(fresh.path, {
      ...entryOf(key, "http", `http url ${shownUrl(withoutCredentials(url))}`),
      bytes: found.bytes,
      digest: found.digest,
      etag: found.etag,
    });
  }

  /** A directory with the files of a commit. Throws as resolveCommit() and checkOutGit(). */
  async openRepository(
    { repository, keepsGitDirectory }: GitOperation,
    access: SourceAccess,
  ): Promise<HeldSource & { readonly commit: string }> {
    const { signal } = access;
    await using scratch = this.#begin();
    const home = join(scratch.path, "home");
    mkdirSync(home);
    await using agent = repository.transport === "ssh" ? await openAgent(home, access) : undefined;
    const gitAccess: GitAccess = {
      home,
      agentPath: agent?.path,
      authorize: async (remote) => await findGitAuthorization(remote, access),
      proxyOf: async (to) => await this.#proxyOf(to, access),
      signal,
    };
    const commit = await resolveCommit(repository, gitAccess);
    const { submodules = true, remote } = repository;
    const key = keyOf(["git", remote, commit, keepsGitDirectory, submodules]);
    using _ = await this.#locks.acquire(key, { signal });
    const known = this.#find(key);
    if (known !== undefined) return { ...this.#hold(known, { isCached: true }), commit };
    const path = join(scratch.path, "tree");
    mkdirSync(path, { mode: 0o755 });
    using root = openDirectoryPath(path);
    await checkOutGit(repository, commit, {
      access: gitAccess,
      scratch: scratch.path,
      into: { fd: root.fd, path },
      keepsGitDirectory,
      submodules,
    });
    const { bytes } = await measureTree(root.fd, { signal });
    const about = entryOf(key, "git", `git snapshot for ${remote}#${repository.ref ?? commit}`);
    return { ...(await this.#keep(path, { ...about, bytes })), commit };
  }

  #find(key: string): BuildSourceEntry | undefined {
    const found = this.#context.state.buildCache().get(key);
    return found?.kind === "source" && existsSync(join(this.#root, found.directory)) ? found : undefined;
  }

  #hold(entry: BuildSourceEntry, { isCached }: { readonly isCached: boolean }): HeldSource {
    const { key, directory } = entry;
    const { state, background } = this.#context;
    if (isCached) state.putBuildCache({ ...entry, usedAt: Date.now(), uses: entry.uses + 1 });
    this.#users.set(directory, (this.#users.get(directory) ?? 0) + 1);
    let isOpen = true;
    return {
      path: join(this.#root, directory),
      isCached,
      [Symbol.dispose]: () => {
        if (!isOpen) return;
        isOpen = false;
        const left = (this.#users.get(directory) ?? 1) - 1;
        if (left > 0) return void this.#users.set(directory, left);
        this.#users.delete(directory);
        const now = state.buildCache().get(key);
        if (now?.kind === "source" && now.directory === directory) return;
        void background.run("build source", async () => await this.#removeDirectory(directory));
      },
    };
  }

  /** Takes over a finished directory in place of the one before. */
  async #keep(path: string, about: Omit<BuildSourceEntry, "directory">): Promise<HeldSource> {
    const before = this.#find(about.key);
    const entry = { ...about, directory: randomBytes(16).toString("hex") };
    // A crash between the two leaves a record without files, which is not used.
    this.#context.state.putBuildCache(entry);
    renameSync(path, join(this.#root, entry.directory));
    const held = this.#hold(entry, { isCached: false });
    if (before !== undefined) await this.remove(before);
    return held;
  }

  /** An empty directory, which is removed unless it was taken over. */
  #begin(): AsyncDisposable & { readonly path: string } {
    const name = randomBytes(16).toString("hex");
    const path = join(this.#root, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return { path, [Symbol.asyncDispose]: async () => await this.#removeDirectory(name) };
  }

  /** SPEC: the build's own proxies, as arguments, count before those of the engine. */
  async #proxyOf(url: URL, { buildArgs }: SourceAccess): Promise<URL | undefined> {
    const given = proxyNames.some((name) => buildArgs[name] || buildArgs[name.toUpperCase()]);
    if (given) return findProxy(url, buildArgs);
    const registries = await this.#context.dependencies.openRegistries();
    return await registries.proxyOf(url);
  }
}

const proxyNames = ["http_proxy", "https_proxy", "no_proxy"];

function keyOf(parts: readonly unknown[]): string {
  return createHash("sha256")
    .update(JSON.stringify(["source", ...parts]))
    .digest("hex");
}

function entryOf(
  key: string,
  source: BuildSourceEntry["source"],
  description: string,
): Omit<BuildSourceEntry, "bytes" | "directory"> {
  const now = Date.now();
  return { kind: "source", source, key, description, createdAt: now, usedAt: now, uses: 1 };
}

function withoutCredentials(url: URL): URL {
  const copy = new URL(url.href);
  copy.username = "";
  copy.password = "";
  return copy;
}

function requireDigest(digest: string | undefined, wanted: string | undefined, url: URL): void {
  if (wanted === undefined || digest === wanted) return;
  throw new Failure("invalid", `digest mismatch for ${shownUrl(url)}: ${digest} (expected: ${wanted})`);
}

const longestSecret = 16 * 1024;

/** SPEC: BuildKit's secrets `HTTP_AUTH_HEADER_<host>` and `HTTP_AUTH_TOKEN_<host>`; else those of the URL. */
async function findAuthorization(url: URL, access: SourceAccess): Promise<string | undefined> {
  const header = await readText(`HTTP_AUTH_HEADER_${url.hostname}`, access);
  if (header !== undefined) return header;
  const token = await readText(`HTTP_AUTH_TOKEN_${url.hostname}`, access);
  if (token !== undefined) return `Bearer ${token}`;
  if (url.username === "") return undefined;
  const text = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

/** SPEC: BuildKit's secrets `GIT_AUTH_HEADER` and `GIT_AUTH_TOKEN`, first those with `.<host>`. */
async function findGitAuthorization(
  { host }: GitReference,
  access: SourceAccess,
): Promise<string | undefined> {
  for (const suffix of [`.${host}`, ""]) {
    const header = await readText(`GIT_AUTH_HEADER${suffix}`, access);
    if (header !== undefined) return header;
    const token = await readText(`GIT_AUTH_TOKEN${suffix}`, access);
    if (token !== undefined) return `basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
  }
  return undefined;
}

async function readText(id: string, { readSecret, signal }: SourceAccess): Promise<string | undefined> {
  const bytes = await readSecret?.(id, signal);
  if (bytes === undefined) return undefined;
  const text = Buffer.from(bytes).toString().trimEnd();
  // SAFETY: a line break would begin another header.
  if (bytes.length > longestSecret || /[\r\n\0]/.test(text))
    throw new Failure("invalid", `cannot use the secret "${id}": it must be one line`);
  return text;
}

/** The client's agent, where it forwards one. */
async function openAgent(
  directory: string,
  { openAgent: open, signal }: SourceAccess,
): Promise<(AsyncDisposable & { readonly path: string }) | undefined> {
  if (open === undefined) return undefined;
  const connect = async (ends: AbortSignal): Promise<Duplex> => await open("default", ends);
  return await openAgentSocket(directory, { mode: 0o600, uid: 0, gid: 0, open: connect, signal });
}
