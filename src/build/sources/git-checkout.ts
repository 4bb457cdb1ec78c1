import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, within } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { unpackLayer } from "../../linux/tree/tree.ts";
import type { GitReference } from "../../spec/git-url.ts";
import { resolveSubmodule, submodulesOf } from "./git-submodules.ts";
import { type GitAccess, git, streamGit } from "./run-git.ts";

export interface GitLimits {
  /** Files of one repository. */
  readonly entries: number;
  /** Of one repository, unpacked. */
  readonly bytes: number;
  /** Repositories that the first one contains, all together. */
  readonly submodules: number;
  /** Repositories in repositories. */
  readonly depth: number;
}

export const usualGitLimits: GitLimits = {
  entries: 1_000_000,
  bytes: 64 * 1024 ** 3,
  submodules: 256,
  depth: 16,
};

const commitPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The commit that a reference names: asked for at the server, unless it is one. Throws "not-found". */
export async function resolveCommit(remote: GitReference, access: GitAccess): Promise<string> {
  const { ref, checksum } = remote;
  const commit = ref !== undefined && commitPattern.test(ref) ? ref : await askCommit(remote, access);
  if (checksum !== undefined && !commit.startsWith(checksum))
    throw new Failure("invalid", `expected checksum to match ${checksum}, got ${commit}`);
  return commit;
}

async function askCommit(remote: GitReference, access: GitAccess): Promise<string> {
  const name = remote.ref ?? "HEAD";
  // SPEC: git-rev-parse(1): a whole name, a tag, a branch; `^{}` is the commit of an annotated tag.
  const names = [name, `refs/tags/${name}`, `refs/heads/${name}`];
  const asked = names.flatMap((each) => [`${each}^{}`, each]);
  const text = await reaching(remote, async () =>
    git(access, ["ls-remote", "--quiet", "--", remote.remote, ...asked], { remote }),
  );
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [commit = "", reference = ""] = line.split("\t");
    if (commitPattern.test(commit)) found.set(reference, commit);
  }
  for (const each of asked) {
    const commit = found.get(each);
    if (commit !== undefined) return commit;
  }
  throw new Failure("not-found", `repository does not contain ref ${name}`);
}

async function reaching<T>(remote: GitReference, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind !== "invalid") throw thrown;
    throw within(`failed to fetch remote ${remote.remote}`, thrown);
  }
}

export interface CheckoutOptions {
  /** A directory of the host for repositories, which the caller removes. */
  readonly scratch: string;
  /** Where the files go: an empty directory of the same file system. */
  readonly into: { readonly fd: Fd; readonly path: string };
  readonly keepsGitDirectory: boolean;
  readonly submodules: boolean;
  readonly limits?: GitLimits | undefined;
}

/**
 * Writes the files of a commit into a directory: as root's, with the time of the commit, modes 0644 and 0755. What
 * repositories can have set for export is ignored. Throws "invalid" for a tree that no file system should have.
 */
export async function checkOutGit(
  remote: GitReference,
  commit: string,
  { access, ...options }: CheckoutOptions & { readonly access: GitAccess },
): Promise<void> {
  const { limits = usualGitLimits } = options;
  await new Checkout(access, { ...options, limits }).run(remote, commit);
}

class Checkout {
  readonly #access: GitAccess;
  readonly #options: CheckoutOptions & { readonly limits: GitLimits };
  #count = 0;

  constructor(access: GitAccess, options: CheckoutOptions & { readonly limits: GitLimits }) {
    this.#access = access;
    this.#options = options;
  }

  async run(remote: GitReference, commit: string): Promise<void> {
    const { keepsGitDirectory, into } = this.#options;
    const repository = join(this.#options.scratch, "0");
    await this.#addTree(remote, { commit, repository, below: "", depth: 0 });
    if (!keepsGitDirectory) return;
    await this.#finishRepository(remote, commit, repository);
    try {
      // SAFETY: what a commit may have there is not what it is put in place of.
      renameSync(repository, join(into.path, ".git"));
    } catch (cause) {
      throw new Failure("invalid", "cannot keep the git directory: the repository has files of that name", {
        cause,
      });
    }
  }

  /** The files of a commit below a path of the result; repositories in it, too. */
  async #addTree(
    remote: GitReference,
    {
      commit,
      repository,
      below,
      depth,
    }: {
      readonly commit: string;
      readonly repository: string;
      readonly below: string;
      readonly depth: number;
    },
  ): Promise<void> {
    const { into, limits, submodules } = this.#options;
    const access = this.#access;
    await this.#fetch(remote, commit, repository);
    const links = await this.#listLinks(commit, repository);
    const args = ["archive", "--format=tar", ...(below === "" ? [] : [`--prefix=${below}/`]), commit];
    await unpackLayer(streamGit(access, args, { repository }), into.fd, {
      whiteouts: "plain",
      root: "keep",
      existing: "same-kind",
      limits: { entries: limits.entries, totalBytes: limits.bytes },
      signal: access.signal,
    });
    if (!submodules || links.length === 0) return;
    if (depth === limits.depth)
      throw new Failure("invalid", `the repository has submodules more than ${limits.depth} deep`);
    const known = await submodulesOf(access, commit, repository);
    for (const { path, commit: wanted } of links) {
      const url = known.get(path);
      if (url === undefined)
        throw new Failure(
          "invalid",
          `no url found for submodule path ${JSON.stringify(path)} in .gitmodules`,
        );
      if (++this.#count > limits.submodules)
        throw new Failure("invalid", `the repository has more than ${limits.submodules} submodules`);
      await this.#addTree(resolveSubmodule(remote, url), {
        commit: wanted,
        repository: join(this.#options.scratch, String(this.#count)),
        below: below === "" ? path : `${below}/${path}`,
        depth: depth + 1,
      });
    }
  }

  async #fetch(remote: GitReference, commit: string, repository: string): Promise<void> {
    const access = this.#access;
    const format = commit.length === 64 ? "sha256" : "sha1";
    mkdirSync(repository, { recursive: true, mode: 0o755 });
    const init = ["init", "--quiet", "--bare", "--template=", `--object-format=${format}`];
    await git(access, init, { repository });
    mkdirSync(join(repository, "info"), { recursive: true });
    writeFileSync(join(repository, "info", "attributes"), "* -export-ignore -export-subst\n");
    const fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no"];
    const all = ["--", remote.remote, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
    await reaching(remote, async () => {
      try {
        const one = ["--", remote.remote, `+${commit}:refs/tare/commit`];
        await git(access, [...fetch, "--depth=1", ...one], { repository, remote });
      } catch (thrown) {
        if (!(thrown instanceof Failure) || thrown.kind !== "invalid") throw thrown;
        // Some servers give no commit by its hash, nor a part of the history.
        await git(access, [...fetch, ...all], { repository, remote });
      }
    });
    try {
      await git(access, ["cat-file", "-e", `${commit}^{commit}`], { repository });
    } catch (thrown) {
      access.signal.throwIfAborted();
      throw new Failure("not-found", `repository does not contain ref ${commit}`, { cause: thrown });
    }
  }

  /** The repositories in a commit. Throws "invalid" for a tree with too many files. */
  async #listLinks(
    commit: string,
    repository: string,
  ): Promise<readonly { readonly path: string; readonly commit: string }[]> {
    const { limits } = this.#options;
    const links: { path: string; commit: string }[] = [];
    let entries = 0;
    let rest: Buffer = Buffer.alloc(0);
    const list = ["ls-tree", "-r", "-z", "--full-tree", commit];
    for await (const piece of streamGit(this.#access, list, { repository })) {
      rest = Buffer.concat([rest, piece]);
      let end: number;
      let start = 0;
      while ((end = rest.indexOf(0, start)) >= 0) {
        entries++;
        // `160000 commit HASH<tab>PATH`
        if (rest[start] === 0x31 && rest[start + 1] === 0x36) {
          const [about = "", path = ""] = rest.toString("utf8", start, end).split("\t");
          links.push({ path, commit: about.split(" ")[2] ?? "" });
        }
        start = end + 1;
      }
      rest = rest.subarray(start);
      // A bomb of trees has them without end.
      if (entries > limits.entries || rest.length > 64 * 1024)
        throw new Failure("invalid", `the repository has more than ${limits.entries} files`);
    }
    return links;
  }

  /** Makes of the bare repository one that has its files above it. */
  async #finishRepository(remote: GitReference, commit: string, repository: string): Promise<void> {
    const access = this.#access;
    await git(access, ["update-ref", "--no-deref", "HEAD", commit], { repository });
    await git(access, ["update-ref", "-d", "refs/tare/commit"], { repository });
    rmSync(join(repository, "info"), { recursive: true });
    await git(access, ["config", "core.bare", "false"], { repository });
    await git(access, ["remote", "add", "--", "origin", remote.remote], { repository });
    await git(access, ["read-tree", commit], { repository });
  }
}
