import { parseAttestations } from "../../api/image/attestation-options.ts";
import { type CacheEntry, parseCacheSource, requireFewCaches } from "../../api/image/cache-options.ts";
import { Failure } from "../../base/failure.ts";
import type { BuildRequest } from "../../model/builds.ts";
import { readJson } from "../../spec/json-reader.ts";

/** Where a context of a build is, as the client names it. */
export type ContextSource =
  /** A directory that the client offers. */
  | { readonly kind: "local"; readonly name: string }
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "url"; readonly url: string }
  /** An archive that the client uploads. */
  | { readonly kind: "upload"; readonly url: URL }
  /** A definition that comes with the request. */
  | { readonly kind: "input"; readonly name: string };

/** The options of the front end for Dockerfiles, parsed. */
export interface FrontendOptions
  extends Omit<
    BuildRequest,
    | "dockerfile"
    | "contexts"
    | "ignoresSyntax"
    | "entitlements"
    | "readSecret"
    | "openAgent"
    | "findCredentials"
  > {
  readonly filename: string;
  /** The directory of the client that has the Dockerfile; undefined: it is in the context. */
  readonly dockerfileDirectory: string | undefined;
  /** `""` is the build context; `NAME::PLATFORM` is for one platform. */
  readonly contexts: ReadonlyMap<string, ContextSource>;
  /** `targets`, `lint`, `subrequests.describe` instead of a build. */
  readonly subrequest: string | undefined;
  /** Result of several platforms, though it may be one. */
  readonly isMultiPlatform: boolean;
  /** What was asked for and has no effect, a sentence each. */
  readonly ignored: readonly string[];
}

const gitUrl = /^(git@|git:\/\/|ssh:\/\/)|^github\.com\/|\.git(#.*)?$/;

/**
 * Parses the options of `dockerfile.v0`. SPEC: moby/buildkit, frontend/dockerui. Throws "invalid", and "unsupported" for
 * what Tare does not have. Pure.
 */
export function parseFrontendOptions(options: Readonly<Record<string, string>>): FrontendOptions {
  const get = (name: string): string | undefined => (options[name] === "" ? undefined : options[name]);
  const buildArgs = withPrefix(options, "build-arg:");
  const contexts = new Map<string, ContextSource>();
  const context = get("context");
  contexts.set("", parseContext(context, get("contextkey") ?? "context"));
  for (const [key, value] of Object.entries(withPrefix(options, "context:"))) {
    const [name = key] = key.split("::");
    contexts.set(key, parseNamedContext(name, value));
  }
  const isRemote = contexts.get("")?.kind !== "local";
  const epoch = buildArgs["SOURCE_DATE_EPOCH"];
  const platform = get("platform");
  const multi = buildArgs["BUILDKIT_MULTI_PLATFORM"] ?? get("multi-platform");
  const platforms = platform === undefined ? [] : platform.split(",").map((each) => each.trim());
  return {
    filename: get("filename") ?? "Dockerfile",
    dockerfileDirectory:
      isRemote && get("dockerfilekey") === undefined ? undefined : (get("dockerfilekey") ?? "dockerfile"),
    contexts,
    target: get("target"),
    buildArgs,
    labels: withPrefix(options, "label:"),
    platforms,
    noCache: noCacheOf(options["no-cache"]),
    pull: get("image-resolve-mode") === "pull",
    network: parseNetwork(get("force-network-mode")),
    extraHosts: parseExtraHosts(get("add-hosts")),
    shmBytes: parseCount("shm-size", get("shm-size")),
    ulimits: parseUlimits(get("ulimit")),
    cgroupParent: get("cgroup-parent"),
    hostname: get("build-arg:BUILDKIT_SANDBOX_HOSTNAME") ?? get("hostname"),
    sourceDateEpoch: epoch === undefined || epoch === "" ? undefined : parseCount("SOURCE_DATE_EPOCH", epoch),
    cacheSources: cacheEntriesOf(options).flatMap((entry) => parseCacheSource(entry) ?? []),
    attestations: parseAttestations(withPrefix(options, "attest:"), withPrefix(options, "vcs:")),
    subrequest: subrequestOf(get("requestid")),
    isMultiPlatform: platforms.length > 1 || isTrue(multi),
    ignored: ignoredOf(options),
  };
}

function parseContext(value: string | undefined, key: string): ContextSource {
  if (value === undefined) return { kind: "local", name: key };
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === "http:" && url.hostname === "buildkit-session") return { kind: "upload", url };
  if (isRemoteUrl(value)) return { kind: "url", url: value };
  return { kind: "local", name: value };
}

/** SPEC: moby/buildkit, frontend/dockerui/namedcontext.go. */
function parseNamedContext(name: string, value: string): ContextSource {
  const [scheme, rest] = splitOnce(value, ":");
  switch (scheme) {
    case "docker-image":
      return { kind: "image", reference: rest.replace(/^\/\//, "") };
    case "local":
      return { kind: "local", name: rest.replace(/^\/\//, "") };
    case "input":
      return { kind: "input", name: rest };
    case "oci-layout":
      throw new Failure("unsupported", `context "${name}": an OCI layout as a context is not supported`);
    default:
      if (isRemoteUrl(value)) return { kind: "url", url: value };
      throw new Failure("invalid", `unsupported context source ${scheme} for ${name}`);
  }
}

function isRemoteUrl(value: string): boolean {
  return gitUrl.test(value) || /^https?:\/\//.test(value);
}

function withPrefix(options: Readonly<Record<string, string>>, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([key, value]) =>
      key.startsWith(prefix) && key.length > prefix.length ? [[key.slice(prefix.length), value]] : [],
    ),
  );
}

function noCacheOf(value: string | undefined): boolean | readonly string[] {
  if (value === undefined) return false;
  return value === "" ? true : value.split(",");
}

function parseNetwork(value: string | undefined): "default" | "none" | "host" {
  if (value === undefined || value === "default" || value === "sandbox") return "default";
  if (value === "none" || value === "host") return value;
  throw new Failure("invalid", `invalid netmode ${value}`);
}

/** `NAME=ADDRESS,…` as the client writes it; `NAME:ADDRESS` as containers have it. */
function parseExtraHosts(value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  return value.split(",").map((pair) => {
    const [host, address] = splitOnce(pair, "=");
    if (host === "" || address === "")
      throw new Failure("invalid", `failed to parse additional hosts: "${pair}"`);
    return `${host}:${address.replace(/^\[(.*)\]$/, "$1")}`;
  });
}

function parseCount(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const count = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(count))
    throw new Failure("invalid", `failed to parse ${name}: "${value}" is no number`);
  return count === 0 && name === "shm-size" ? undefined : count;
}

/** `nofile=1024:2048,…` */
function parseUlimits(value: string | undefined): FrontendOptions["ulimits"] {
  if (value === undefined) return [];
  return value.split(",").map((text) => {
    const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
    if (match === null) throw new Failure("invalid", `failed to parse ulimit: "${text}"`);
    const [, name = "", soft = "", hard = soft] = match;
    return { name, soft: Number(soft), hard: Number(hard) };
  });
}

function subrequestOf(value: string | undefined): string | undefined {
  return value?.replace(/^frontend\./, "");
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ["1", "t", "true"].includes(value.toLowerCase());
}

function ignoredOf(options: Readonly<Record<string, string>>): readonly string[] {
  const ignored: string[] = [];
  for (const { type } of cacheEntriesOf(options).filter((entry) => parseCacheSource(entry) === undefined))
    ignored.push(`the cache is not read from "${type}": only from "registry"`);
  return ignored;
}

/** SPEC: moby/buildkit, frontend/dockerui: newer clients send a list, older ones references. */
function cacheEntriesOf(options: Readonly<Record<string, string>>): readonly CacheEntry[] {
  const list = options["cache-imports"] ?? "";
  const read = (name: string, text: string): readonly CacheEntry[] =>
    readJson(Buffer.from(text), { what: name }).list((node) => ({
      type: node.at("Type").text(),
      attributes: node.at("Attrs").map((value) => value.text()),
    }));
  const references = (options["cache-from"] ?? "").split(",").filter((each) => each !== "");
  const entries =
    list === ""
      ? references.map((ref) => ({ type: "registry", attributes: { ref } }))
      : read("cache-imports", list);
  requireFewCaches(entries);
  return entries;
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
