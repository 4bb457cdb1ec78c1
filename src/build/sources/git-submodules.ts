import { posix } from "node:path";
import { Failure } from "../../base/failure.ts";
import { type GitReference, parseGitRemote } from "../../spec/git-url.ts";
import { type GitAccess, git } from "./run-git.ts";

/** The URLs of the repositories in a commit, by their paths. SPEC: gitmodules(5) */
export async function submodulesOf(
  access: GitAccess,
  commit: string,
  repository: string,
): Promise<ReadonlyMap<string, string>> {
  const list = ["config", `--blob=${commit}:.gitmodules`, "--no-includes", "--list", "-z"];
  const text = await git(access, list, { repository }).catch((thrown: unknown) => {
    access.signal.throwIfAborted();
    if (thrown instanceof Failure && thrown.kind === "invalid") return "";
    throw thrown;
  });
  return parseSubmodules(text);
}

/** Parses `KEY<line break>VALUE<nul>` of git-config(1). Pure. */
export function parseSubmodules(text: string): ReadonlyMap<string, string> {
  const modules = new Map<string, { path?: string; url?: string }>();
  for (const entry of text.split("\0")) {
    const [, name, key, value = ""] = /^submodule\.(.+)\.(path|url)\n(.*)$/s.exec(entry) ?? [];
    if (name === undefined) continue;
    const known = modules.get(name) ?? {};
    modules.set(name, key === "path" ? { ...known, path: value } : { ...known, url: value });
  }
  const found = new Map<string, string>();
  for (const { path, url } of modules.values())
    if (path !== undefined && url !== undefined) found.set(path.replace(/\/+$/, ""), url);
  return found;
}

/** Where a repository in another is: `../x.git` is next to that. Throws "invalid" for what no build may read. Pure. */
export function resolveSubmodule(parent: GitReference, url: string): GitReference {
  const isRelative = url.startsWith("./") || url.startsWith("../");
  const found = parseGitRemote(isRelative ? relativeTo(parent.remote, url) : url);
  if (found === undefined)
    throw new Failure(
      "invalid",
      `cannot use the submodule ${JSON.stringify(url)}: its address is not allowed`,
    );
  // Credentials are for the host that they were given for.
  return found.host === parent.host && found.credentials === undefined
    ? { ...found, credentials: parent.credentials }
    : found;
}

function relativeTo(remote: string, url: string): string {
  const [start = "", path = ""] = /^([a-z]+:\/\/[^/]*|[^/:]+@[^/:]+:)(.*)$/.exec(remote)?.slice(1) ?? [];
  const isUrl = start.includes("://");
  const joined = posix.join(isUrl ? path : `/${path}`, url);
  return `${start}${isUrl ? joined : joined.slice(1)}`;
}
