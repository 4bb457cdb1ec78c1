import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { BuildContextPath, BuildNamedContext, BuildOptionsLine } from "../../api/types/build.ts";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import { contextName } from "../../spec/context-name.ts";
import { packDirectories } from "../copy/pack-from-host.ts";

/** The value of `--build-context`, parsed: `NAME=docker-image://REFERENCE`, `NAME=URL`, `NAME=DIRECTORY`. */
export type NamedContextFlag =
  | { readonly name: string; readonly kind: "image"; readonly reference: string }
  | { readonly name: string; readonly kind: "url"; readonly url: string }
  | { readonly name: string; readonly kind: "directory"; readonly path: string };

const remote = /^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/)/i;
const image = "docker-image://";

/** Throws "invalid" in Docker's words, "unsupported" for a source that there is not. */
export function parseNamedContext(text: string): NamedContextFlag {
  const equals = text.indexOf("=");
  const value = text.slice(equals + 1);
  if (equals <= 0 || value === "")
    throw new Failure("invalid", `invalid context value: ${text}, expected key=value`);
  const name = contextName(text.slice(0, equals));
  if (name === undefined) throw new Failure("invalid", `invalid context name ${text.slice(0, equals)}`);
  if (value.startsWith(image)) return { name, kind: "image", reference: value.slice(image.length) };
  if (/^(?:oci-layout|target):/.test(value))
    throw new Failure(
      "unsupported",
      `context ${JSON.stringify(name)}: ${value} is not supported: load it first`,
    );
  return remote.test(value) ? { name, kind: "url", url: value } : { name, kind: "directory", path: value };
}

/** The options of a build, and those with which the files are sent to a daemon that has other directories. */
export interface NamedRequest {
  readonly line: BuildOptionsLine;
  readonly sentOptions?: BuildOptionsLine | undefined;
  readonly openContext: () => AsyncIterable<Uint8Array>;
}

/** Adds the named contexts to the options of a build. Throws "not-found" for a directory that is missing. */
export async function withNamedContexts(
  line: BuildOptionsLine,
  {
    flags,
    directory: main,
    open,
    cwd,
  }: {
    readonly flags: readonly string[];
    /** Of the main context; undefined: that has none. */
    readonly directory: string | undefined;
    readonly open: () => AsyncIterable<Uint8Array>;
    readonly cwd: string;
  },
): Promise<NamedRequest> {
  const inPlace: Record<string, BuildNamedContext> = {};
  const paths = new Map<string, string>();
  for (const flag of flags.map(parseNamedContext)) {
    paths.delete(flag.name);
    if (flag.kind === "image") inPlace[flag.name] = { Image: flag.reference };
    else if (flag.kind === "url") inPlace[flag.name] = { Url: flag.url };
    else {
      const path = resolve(cwd, flag.path);
      inPlace[flag.name] = { Directory: await describeDirectory(flag.name, path) };
      paths.set(flag.name, path);
    }
  }
  const named = { ...line, NamedContexts: inPlace };
  // What standard input has is sent once, so the daemon has to have the other directories.
  if (main === undefined || paths.size === 0) return { line: named, openContext: open };
  const sent = [...paths.keys()].map((name, index) => [name, { InArchive: index + 1 }] as const);
  const { Context: _, ...rest } = line;
  return {
    line: named,
    sentOptions: { ...rest, NamedContexts: { ...inPlace, ...Object.fromEntries(sent) } },
    openContext: () =>
      packDirectories([main, ...paths.values()].map((path, at) => ({ path, as: String(at) }))),
  };
}

async function describeDirectory(name: string, path: string): Promise<BuildContextPath> {
  const found = await stat(path, { bigint: true }).catch((cause: unknown) => {
    const kind = codeOf(cause) === "ENOENT" ? "not-found" : "invalid";
    throw new Failure(kind, `failed to get build context ${name}: ${sentenceOf(cause)}`, { cause });
  });
  if (!found.isDirectory())
    throw new Failure("invalid", `failed to get build context ${name}: ${path} is not a directory`);
  return { Path: path, Device: String(found.dev), Inode: String(found.ino) };
}
