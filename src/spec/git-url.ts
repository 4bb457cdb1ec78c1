import { Failure } from "../base/failure.ts";

/** A state of a git repository, as builds name it: `https://host/x.git#REF:SUBDIR`. */
export interface GitReference {
  /** What git(1) takes, without credentials: a URL, or `user@host:path`. */
  readonly remote: string;
  readonly transport: "http" | "https" | "git" | "ssh";
  readonly host: string;
  /** Of the URL, decoded. */
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
  /** Commit, tag, branch or whole reference; absent: what the repository's HEAD names. */
  readonly ref?: string | undefined;
  /** A directory of the repository. */
  readonly subdir?: string | undefined;
  /** The commit, or how its hash begins. */
  readonly checksum?: string | undefined;
  readonly keepsGitDirectory?: boolean | undefined;
  /** False: without the repositories that it contains. */
  readonly submodules?: boolean | undefined;
}

const longest = 4096;
const schemes = /^(https?|git|ssh):\/\//i;
const scp = /^([A-Za-z0-9_][A-Za-z0-9_.-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):(?!\/\/)(.+)$/;

/**
 * Parses the address of a git repository; undefined for a text that is none: a path, or another URL. A URL of http or
 * https is one only if its path ends with `.git`. Throws "invalid" for what can't be used. SPEC: moby/buildkit,
 * frontend/dockerfile/dfgitutil
 */
export function parseGitReference(
  text: string,
  /** Takes `github.com/owner/name`, too, as Docker does for a build context. */
  { takesHostNames = false }: { readonly takesHostNames?: boolean } = {},
): GitReference | undefined {
  if (text.length > longest) return undefined;
  const end = text.search(/[?#]/);
  const address = end < 0 ? text : text.slice(0, end);
  const isShort = takesHostNames && address.startsWith("github.com/");
  const found = parseGitRemote(isShort ? `https://${address}` : address);
  if (found === undefined) return undefined;
  const isWeb = found.transport === "http" || found.transport === "https";
  if (isWeb && !isShort && !new URL(found.remote).pathname.endsWith(".git")) return undefined;
  return withOptions(found, end < 0 ? "" : text.slice(end));
}

/** An address alone, as git(1) takes it; undefined for a path or another protocol. Throws "invalid". */
export function parseGitRemote(address: string): GitReference | undefined {
  const secureCopy = scp.exec(address);
  if (secureCopy !== null) {
    const [, user = "", host = "", path = ""] = secureCopy;
    return { remote: `${user}@${host}:${path}`, transport: "ssh", host };
  }
  if (address.length > longest || !schemes.test(address) || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  const transport = transports.find((each) => `${each}:` === url.protocol);
  if (transport === undefined) return undefined;
  // SAFETY: ssh(1) would take such names for options.
  if (/^(?:-|%2d)/i.test(url.hostname) || /^(?:-|%2d)/i.test(url.username) || url.hostname === "")
    throw new Failure("invalid", `cannot use the git repository "${url.host}": its host or user is no name`);
  const { username, password } = url;
  const isWeb = transport === "http" || transport === "https";
  // SAFETY: other users of the host see the arguments of a program.
  url.password = "";
  if (isWeb) url.username = "";
  const credentials =
    isWeb && username !== "" ? { username: decode(username), password: decode(password) } : undefined;
  return { remote: url.href, transport, host: url.host, credentials };
}

const transports = ["http", "https", "git", "ssh"] as const;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What follows the address: `?query#ref:subdir`. */
function withOptions(found: GitReference, rest: string): GitReference {
  const hash = rest.indexOf("#");
  const query = hash < 0 ? rest.slice(1) : rest.slice(1, Math.max(1, hash));
  const fragment = hash < 0 ? "" : rest.slice(hash + 1);
  const colon = fragment.indexOf(":");
  const options: Options = {
    ref: colon < 0 ? fragment : fragment.slice(0, colon),
    subdir: colon < 0 ? "" : fragment.slice(colon + 1),
  };
  addQuery(options, query);
  const ref = options.ref || options.checksum || undefined;
  if (ref !== undefined && !isRefName(ref))
    throw new Failure("invalid", `invalid git reference ${JSON.stringify(ref)}`);
  const { subdir, checksum } = options;
  if (subdir.includes("\0")) throw new Failure("invalid", "invalid subdir of a git repository");
  if (checksum !== undefined) checkCommit(checksum);
  const { keepsGitDirectory, submodules } = options;
  return { ...found, ref, subdir: subdir || undefined, checksum, keepsGitDirectory, submodules };
}

interface Options {
  ref: string;
  subdir: string;
  checksum?: string;
  keepsGitDirectory?: boolean;
  submodules?: boolean;
}

function addQuery(options: Options, query: string): void {
  const given = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (given.has(name)) throw new Failure("invalid", `query ${JSON.stringify(name)} has multiple values`);
    given.set(name, value);
  }
  let [tag, branch] = ["", ""];
  for (const [name, value] of given) {
    const isFlag = name === "keep-git-dir" || name === "submodules";
    if (value === "" && !isFlag) throw new Failure("invalid", `query ${JSON.stringify(name)} has no value`);
    switch (name) {
      case "ref":
        options.ref = agreed("ref", options.ref, value);
        break;
      case "tag":
        tag = value.startsWith("refs/tags/") ? value : `refs/tags/${value}`;
        break;
      case "branch":
        branch = value.startsWith("refs/heads/") ? value : `refs/heads/${value}`;
        break;
      case "subdir":
        options.subdir = agreed("subdir", options.subdir, value);
        break;
      case "checksum":
      case "commit":
        options.checksum = value;
        break;
      case "keep-git-dir":
        options.keepsGitDirectory = flagOf(name, value);
        break;
      case "submodules":
        options.submodules = flagOf(name, value);
        break;
      default:
        throw new Failure("invalid", `unexpected query ${JSON.stringify(name)}`);
    }
  }
  if (tag !== "" && branch !== "") throw new Failure("invalid", "branch conflicts with tag");
  for (const each of [tag, branch]) if (each !== "") options.ref = agreed("ref", options.ref, each);
}

function agreed(name: string, one: string, other: string): string {
  if (one === "" || one === other) return other;
  throw new Failure("invalid", `${name} conflicts: ${JSON.stringify(one)} vs ${JSON.stringify(other)}`);
}

function flagOf(name: string, value: string): boolean {
  if (value === "") return true;
  if (/^(?:1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  throw new Failure("invalid", `invalid ${name} value: ${JSON.stringify(value)}`);
}

/** Throws "invalid" for what can't be how a commit's hash begins. */
export function checkCommit(text: string): void {
  if (!/^[0-9a-f]{1,64}$/.test(text))
    throw new Failure("invalid", `invalid checksum ${JSON.stringify(text.slice(0, 100))}: it is no commit`);
}

/**
 * SAFETY: a name that git(1) would take for an option, a revision expression or a refspec is none.
 * SPEC: git-check-ref-format(1)
 */
function isRefName(text: string): boolean {
  return (
    text.length <= 1024 &&
    !/^[-/]|[\0-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.lock(?:\/|$)|[/.]$|(?:^|\/)\.|^@$/.test(text)
  );
}
