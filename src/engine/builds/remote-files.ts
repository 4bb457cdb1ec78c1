import { readdirSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import type { GitOperation, HttpOperation } from "../../build/graph/graph-types.ts";
import type { SourceTree } from "../../build/solver/copy-layer.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../../linux/constants/open.ts";
import { openDirectoryPath, openInRoot, readFileInRoot } from "../../linux/files/open.ts";
import { statFd } from "../../linux/files/stat.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { isErrno } from "../../linux/kernel/syscall.ts";
import type { BuildRequest, ReceivedContexts } from "../../model/builds.ts";
import { parseGitReference } from "../../spec/git-url.ts";
import type { BuildSources, HeldSource } from "./build-sources.ts";
import { isArchive, readFd } from "./unpack-archive.ts";

/** A source of the network as a tree. */
export interface RemoteTree {
  readonly tree: SourceTree;
  readonly isCached: boolean;
}

/** A build context of the network. */
export interface RemoteContext {
  readonly tree: SourceTree;
  /** The URL was that of a Dockerfile, which has no files. */
  readonly dockerfile?: string | undefined;
}

type Progress = (bytes: number, total: number | undefined) => void;

interface Parts {
  readonly sources: BuildSources;
  readonly contexts: ReceivedContexts;
  readonly signal: AbortSignal;
  /** Larger ones are no Dockerfiles. */
  readonly dockerfileBytes: number;
}

/** What of a build its sources need. */
export type RemoteRequest = Pick<BuildRequest, "readSecret" | "openAgent" | "findCredentials" | "buildArgs">;

/** What one build has from web servers and git repositories, kept until this is disposed of. */
export class RemoteFiles implements AsyncDisposable {
  readonly #request: RemoteRequest;
  readonly #parts: Parts;
  readonly #held = new AsyncDisposableStack();

  constructor(request: RemoteRequest, parts: Parts) {
    this.#request = request;
    this.#parts = parts;
  }

  async open(operation: HttpOperation | GitOperation, onProgress: Progress): Promise<RemoteTree> {
    const { sources } = this.#parts;
    const access = { ...this.#request, signal: this.#parts.signal, onProgress };
    if (operation.kind === "http") {
      const held = this.#held.use(await sources.openFile(operation, access));
      return { tree: this.#treeOf(held), isCached: held.isCached };
    }
    const held = this.#held.use(await sources.openRepository(operation, access));
    return { tree: this.#treeOf(held, operation.repository.subdir), isCached: held.isCached };
  }

  /** Throws "invalid" for an address that is none of a web server or a git repository. */
  async openContext(address: string, onProgress: Progress): Promise<RemoteContext> {
    const repository = parseGitReference(address, { takesHostNames: true });
    if (repository !== undefined) {
      const keep = this.#request.buildArgs["BUILDKIT_CONTEXT_KEEP_GIT_DIR"] ?? "";
      const keepsGitDirectory = repository.keepsGitDirectory ?? /^(?:1|t|true)$/i.test(keep);
      return await this.open({ kind: "git", repository, keepsGitDirectory }, onProgress);
    }
    if (!/^https?:\/\//.test(address) || !URL.canParse(address))
      throw new Failure("invalid", `cannot use the build context ${JSON.stringify(address)}: it is no URL`);
    const { sources, contexts, signal, dockerfileBytes } = this.#parts;
    const access = { ...this.#request, signal, onProgress };
    const held = this.#held.use(await sources.openFile({ kind: "http", url: address }, access));
    const tree = this.#treeOf(held);
    const name = readdirSync(held.path)[0] ?? "";
    using file = openInRoot(tree.root, name, O_RDONLY);
    if (await isArchive(file.fd, signal)) {
      const unpacked = this.#held.use(await contexts.unpack(readFd(file.fd), signal));
      return { tree: this.#treeOf(unpacked) };
    }
    if (statFd(file.fd).size > dockerfileBytes)
      throw new Failure("invalid", `cannot use ${address}: it is neither an archive nor a Dockerfile`);
    const bytes = readFileInRoot(tree.root, name, { limit: dockerfileBytes });
    return { tree, dockerfile: Buffer.from(bytes ?? []).toString() };
  }

  /** SAFETY: links of a repository are followed inside it. */
  #treeOf({ path }: Pick<HeldSource, "path">, subdir?: string): SourceTree {
    const root = this.#held.use(openDirectoryPath(path));
    if (subdir === undefined) return { root: root.fd };
    let found: OwnedFd;
    try {
      found = openInRoot(root.fd, subdir, O_PATH | O_DIRECTORY);
    } catch (thrown) {
      if (!isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP")) throw thrown;
      throw new Failure("not-found", `the repository has no directory ${JSON.stringify(subdir)}`);
    }
    return { root: this.#held.use(found).fd };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}
