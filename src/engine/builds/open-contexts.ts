import { Failure } from "../../base/failure.ts";
import { DirectoryFilter } from "../../build/dockerfile/directory-filter.ts";
import { parseIgnoreFile } from "../../build/dockerfile/ignore-patterns.ts";
import type { SourceTree } from "../../build/solver/copy-layer.ts";
import { openDirectoryPath, readFileInRoot } from "../../linux/files/open.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { type KnownDigests, showsChanges } from "../../linux/tree/file-digests.ts";
import type { BuildContext, BuildRequest } from "../../model/builds.ts";
import { parseGitReference } from "../../spec/git-url.ts";
import { isWithin } from "../resolve/clean-path.ts";
import type { BuildReport } from "./build-report.ts";
import type { RemoteFiles } from "./remote-files.ts";

/** Larger ones are no Dockerfiles. */
export const mostDockerfileBytes: number = 4 * 1024 * 1024;

export interface ContextOptions {
  readonly report: BuildReport;
  readonly signal: AbortSignal;
  /** Contexts below it are the engine's own. */
  readonly ownRoot: string;
  readonly digests: KnownDigests;
  /** Disposed of with the contexts. */
  readonly remoteFiles: RemoteFiles;
}

/** An address for messages: without its credentials. */
function shownAddress(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1xxxxx@");
}

/** The contexts of one build, each opened when the first step needs it. */
export class OpenContexts implements AsyncDisposable {
  readonly #request: BuildRequest;
  readonly #options: ContextOptions;
  readonly #held = new AsyncDisposableStack();
  readonly #trees = new Map<string, Promise<SourceTree>>();
  /** The main context is the URL of a Dockerfile. */
  #sentDockerfile: string | undefined;

  constructor(request: BuildRequest, options: ContextOptions) {
    this.#request = request;
    this.#options = options;
  }

  get remoteFiles(): RemoteFiles {
    return this.#options.remoteFiles;
  }

  async open(name: string): Promise<SourceTree> {
    const known = this.#trees.get(name) ?? this.#open(name);
    this.#trees.set(name, known);
    return await known;
  }

  /** Of the main context, `.dockerignore` or not. Throws "not-found". */
  async readFile(path: string): Promise<string> {
    const { root } = await this.open("");
    if (this.#sentDockerfile !== undefined) return this.#sentDockerfile;
    const bytes = readFileInRoot(root, path, { limit: mostDockerfileBytes });
    if (bytes !== undefined) return Buffer.from(bytes).toString();
    throw new Failure("not-found", `failed to read dockerfile: open ${path}: no such file or directory`, {
      details: { path },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#trees.values());
    await this.#held.disposeAsync();
    await this.#options.remoteFiles[Symbol.asyncDispose]();
  }

  async #open(name: string): Promise<SourceTree> {
    const found = this.#request.contexts.get(name);
    const shown = name === "" ? "build context" : name;
    if (found === undefined) throw new Failure("not-found", `there is no ${shown} to copy from`);
    if (found.kind === "url") return await this.#openUrl(name, found.url);
    if (found.kind !== "directory") {
      throw new Failure("unsupported", `the context "${shown}" is not a directory`);
    }
    const what = name === "" ? "[internal] load build context" : `[context ${name}] load from client`;
    return await this.#options.report.during(
      what,
      async (progress) => await this.#openDirectory(found, progress),
    );
  }

  async #openUrl(name: string, url: string): Promise<SourceTree> {
    const { report, remoteFiles } = this.#options;
    // SPEC: BuildKit's names of these steps.
    const isGit = parseGitReference(url, { takesHostNames: true }) !== undefined;
    const what = isGit ? `load git source ${shownAddress(url)}` : "load remote build context";
    const label = name === "" ? `[internal] ${what}` : `[context ${name}] ${shownAddress(url)}`;
    const { tree, dockerfile } = await report.during(
      label,
      async (progress) =>
        await remoteFiles.openContext(url, (bytes, total) => progress("transferring:", bytes, total)),
    );
    if (name === "") this.#sentDockerfile = dockerfile;
    const text = this.#findIgnoreFile(tree.root);
    const exclude = text === undefined ? [] : parseIgnoreFile(text);
    return {
      ...tree,
      isForeign: true,
      filter: exclude.length === 0 ? undefined : new DirectoryFilter(exclude),
    };
  }

  #findIgnoreFile(root: Fd): string | undefined {
    for (const name of [`${this.#request.dockerfile.name}.dockerignore`, ".dockerignore"]) {
      const bytes = readFileInRoot(root, name, { limit: mostDockerfileBytes });
      if (bytes !== undefined) return Buffer.from(bytes).toString();
    }
    return undefined;
  }

  async #openDirectory(
    { readIgnoreFile, open }: Extract<BuildContext, { kind: "directory" }>,
    progress: (id: string, current: number, total?: number) => void,
  ): Promise<SourceTree> {
    const { signal, ownRoot, digests } = this.#options;
    const sentText = await readIgnoreFile?.(signal);
    const sent = sentText === undefined ? [] : parseIgnoreFile(sentText);
    let bytes = 0;
    const opened = this.#held.use(
      await open({
        exclude: sent,
        signal,
        onProgress: (now) => {
          bytes = now;
          progress("transferring context:", now);
        },
      }),
    );
    progress("transferring context:", bytes, bytes);
    const root = this.#held.use(openDirectoryPath(opened.path));
    const foundText = readIgnoreFile === undefined ? this.#findIgnoreFile(root.fd) : undefined;
    const exclude = foundText === undefined ? sent : parseIgnoreFile(foundText);
    return {
      root: root.fd,
      path: exclude.length === 0 && isWithin(opened.path, ownRoot) ? opened.path : undefined,
      isForeign: true,
      filter: exclude.length === 0 ? undefined : new DirectoryFilter(exclude),
      digests: showsChanges(root.fd) ? digests : undefined,
    };
  }
}
