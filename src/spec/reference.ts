import { Failure } from "../base/failure.ts";
import { type Digest, findDigest } from "./digest.ts";

declare const brand: unique symbol;

/** An image's name, whole: what `busybox` is short for has been filled in. Only this file makes one. */
export interface Reference {
  /** The registry: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly domain: string;
  /** The repository within it: `library/busybox`. */
  readonly path: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
  readonly [brand]: "Reference";
}

const defaultDomain = "docker.io";
const legacyDomain = "index.docker.io";
const officialPrefix = "library/";
const nameLimit = 255;

// SPEC: the grammar of github.com/distribution/reference (reference.go), anchored.
const domainComponent = "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)";
const domainPattern = `(?:${domainComponent}(?:\\.${domainComponent})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const pathComponent = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const pathPattern = `${pathComponent}(?:/${pathComponent})*`;
const tagPattern = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const digestPattern = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const wholePattern = new RegExp(
  `^(${domainPattern})/(${pathPattern})(?::(${tagPattern}))?(?:@(${digestPattern}))?$`,
);
const tagOnly = new RegExp(`^${tagPattern}$`);

export function isTag(text: string): boolean {
  return tagOnly.test(text);
}

/**
 * Reads what a person types: `busybox`, `ghcr.io/a/b:1`, `x@sha256:…`. Fills in the registry and `library/`,
 * no tag (see withDefaultTag). Throws "invalid" in Docker's words after ours: `cannot parse reference "A":
 * invalid reference format: repository name (A) must be lowercase`.
 */
export function parseReference(text: string): Reference {
  if (text === "")
    throw refused(text, "invalid reference format: repository name must have at least one component");
  if (text.length > 1024) throw refused(text, "invalid reference format");
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw refused(text, `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  const [domain, remainder] = splitDomain(text);
  const remote = remainder.split(":", 1)[0] ?? "";
  if (remote.toLowerCase() !== remote) {
    throw refused(text, `invalid reference format: repository name (${remote}) must be lowercase`);
  }
  const match = wholePattern.exec(`${domain}/${remainder}`);
  if (match === null) throw refused(text, "invalid reference format");
  const [, , path = "", tag, digest] = match;
  if (path.length > nameLimit) {
    throw refused(
      text,
      `invalid reference format: repository name must not be more than ${nameLimit} characters`,
    );
  }
  return make(domain, path, tag, digest === undefined ? undefined : digestIn(text, digest));
}

/** As parseReference(), for text from an image or archive that may be no reference at all. */
export function findReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind === "invalid") return undefined;
    throw thrown;
  }
}

/** The same with `:latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return make(reference.domain, reference.path, "latest", undefined);
}

/** The repository with this tag and without digest. Throws "invalid" on a tag that breaks the grammar. */
export function withTag(reference: Reference, tag: string): Reference {
  if (!tagOnly.test(tag)) throw new Failure("invalid", `cannot parse tag "${tag}": invalid tag format`);
  return make(reference.domain, reference.path, tag, undefined);
}

/** The repository alone, without tag and digest. */
export function repositoryOf(reference: Reference): Reference {
  return make(reference.domain, reference.path, undefined, undefined);
}

/** Whole and unambiguous: `docker.io/library/busybox:latest`; the form to keep and to compare. */
export function formatReference(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** As short as people write it: `busybox:latest`. parseReference() gives the same reference back. */
export function formatFamiliar(reference: Reference): string {
  if (reference.domain !== defaultDomain) return formatReference(reference);
  const inLibrary = reference.path.startsWith(officialPrefix);
  const short = inLibrary ? reference.path.slice(officialPrefix.length) : reference.path;
  // `library/a/b` has to stay: `a/b` is another repository.
  return `${short.includes("/") ? reference.path : short}${suffix(reference)}`;
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** Whether it names no registry: `busybox:1`, `acme/app`. */
export function isShortName(text: string): boolean {
  const slash = text.indexOf("/");
  return slash < 0 || !isDomain(text.slice(0, slash));
}

function isDomain(first: string): boolean {
  return first === "localhost" || /[.:]/.test(first) || first.toLowerCase() !== first;
}

function splitDomain(text: string): readonly [domain: string, remainder: string] {
  const slash = text.indexOf("/");
  if (slash < 0) return [defaultDomain, officialPrefix + text];
  const first = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  const hasDomain = isDomain(first);
  const domain = !hasDomain || first === legacyDomain ? defaultDomain : first;
  const remainder = hasDomain ? rest : text;
  if (domain === defaultDomain && !remainder.includes("/")) return [domain, officialPrefix + remainder];
  return [domain, remainder];
}

function digestIn(text: string, digest: string): Digest {
  const found = findDigest(digest);
  if (found === undefined) throw refused(text, "invalid reference format");
  return found;
}

function make(domain: string, path: string, tag?: string, digest?: Digest): Reference {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the only place that makes one
  return Object.freeze({
    domain,
    path,
    tag,
    digest,
  }) as Reference;
}

function refused(text: string, detail: string): Failure {
  const sentence = `cannot parse reference "${text.slice(0, 160)}": ${detail}`;
  // SAFETY: it goes to terminals and logs, as one line.
  return new Failure("invalid", sentence.replace(/[^\x20-\x7e\u00a0-\uffff]/g, "?"));
}
