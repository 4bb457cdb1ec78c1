import { readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { BuildMessage, BuildOptionsLine } from "../api/types/build.ts";
import { defined } from "../base/defined.ts";
import { codeOf, Failure, sentenceOf } from "../base/failure.ts";
import { parseNamedContext, withNamedContexts } from "../cli/build/named-contexts.ts";
import { packFromHost } from "../cli/copy/pack-from-host.ts";
import type { OpenAgent } from "../client/agent-relays.ts";
import { failureOfBuild } from "../client/builds.ts";
import type { Client } from "../client/client.ts";
import type { BuildContext, BuildOptions, BuildProgress, BuildRequest, Builds } from "../model/builds.ts";
import { type Digest, parseDigest } from "../spec/digest.ts";

/** What LibraryEngine.build() makes an image of. */
export interface BuildImageOptions extends BuildOptions {
  /** Directory of this host; its `.dockerignore` counts. */
  readonly context: string;
  /** Path of the Dockerfile, by default `Dockerfile` in the context; or its text. */
  readonly dockerfile?: string | { readonly text: string } | undefined;
  /** By name, in the place of an image or a stage: a directory, or `docker-image://REFERENCE`. */
  readonly contexts?: Readonly<Record<string, string>> | undefined;
  /** Names of the image: `app:1`. */
  readonly tags?: readonly string[] | undefined;
  /** Stage to build; the last one by default. */
  readonly target?: string | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** `linux/arm64`; the engine's own by default. */
  readonly platform?: string | undefined;
  /** True: each step runs. Names: those of these stages do. */
  readonly noCache?: boolean | readonly string[] | undefined;
  /** Base images are looked up in their registries though they are here. */
  readonly pull?: boolean | undefined;
  /** By id, for `RUN --mount=type=secret`. */
  readonly secrets?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** Sockets of ssh agents by id, for `RUN --mount=type=ssh`: `{ default: process.env.SSH_AUTH_SOCK }`. */
  readonly ssh?: Readonly<Record<string, string>> | undefined;
}

interface ReadDockerfile {
  readonly name: string;
  readonly text: string;
}

/** Builds in this process; returns the image's id. */
export async function buildLocally(builds: Builds, options: BuildImageOptions): Promise<Digest> {
  const { context, tags = [], platform, secrets = {}, signal, onProgress } = options;
  const request: BuildRequest = {
    dockerfile: await readDockerfile(options),
    contexts: new Map([["", directoryAt(context)], ...namedContextsOf(options)]),
    target: options.target,
    buildArgs: options.buildArgs ?? {},
    labels: options.labels ?? {},
    platforms: platform === undefined ? [] : [platform],
    noCache: options.noCache ?? false,
    pull: options.pull ?? false,
    network: "default",
    extraHosts: [],
    ulimits: [],
    entitlements: [],
    openAgent: openAgentOf(options),
    readSecret: async (id) => (Object.hasOwn(secrets, id) ? Buffer.from(secrets[id] ?? "") : undefined),
  };
  await using result = await builds.build(request, { signal, onProgress });
  const [image] = result.images;
  if (image === undefined) throw new Failure("internal", "cannot build: there is no image");
  await builds.store(result, { references: tags, vertex: image.id, signal });
  return image.id;
}

function openAgentOf({ ssh = {} }: BuildImageOptions): OpenAgent | undefined {
  const paths = new Map(Object.entries(ssh));
  if (paths.size === 0) return undefined;
  return async (id) => await (await import("../client/agent-relays.ts")).agentsAt(paths)(id);
}

function directoryAt(path: string): BuildContext {
  const found = { path: resolve(path), [Symbol.asyncDispose]: async () => {} };
  return { kind: "directory", open: async () => found };
}

function namedContextsOf({ contexts = {} }: BuildImageOptions): readonly (readonly [string, BuildContext])[] {
  return Object.entries(contexts).map(([key, value]) => {
    const { name, ...source } = parseNamedContext(`${key}=${value}`);
    return [name, source.kind === "directory" ? directoryAt(source.path) : source];
  });
}

/** Builds in the engine behind a socket. */
export async function buildRemotely(client: Client, options: BuildImageOptions): Promise<Digest> {
  const { context, platform, noCache = false, secrets = {}, signal, onProgress } = options;
  const { name, text } = await readDockerfile(options);
  const path = resolve(context);
  const { dev, ino } = await stat(path, { bigint: true });
  const line = defined<BuildOptionsLine>({
    Dockerfile: { Name: name, Text: text },
    Context: { Path: path, Device: String(dev), Inode: String(ino) },
    Tags: options.tags,
    Target: options.target,
    BuildArgs: options.buildArgs,
    Labels: options.labels,
    Platforms: platform === undefined ? undefined : [platform],
    NoCache: noCache === true,
    NoCacheFilter: typeof noCache === "boolean" ? undefined : noCache,
    Pull: options.pull,
    Agents: options.ssh === undefined ? undefined : Object.keys(options.ssh),
    Secrets: Object.fromEntries(
      Object.entries(secrets).map(([id, value]) => [id, Buffer.from(value).toString("base64")]),
    ),
  });
  const { line: named, ...files } = await withNamedContexts(line, {
    flags: Object.entries(options.contexts ?? {}).map(([key, value]) => `${key}=${value}`),
    directory: path,
    open: () => packFromHost(path, { as: "" }),
    cwd: process.cwd(),
  });
  for await (const message of client.builds.build(named, {
    ...files,
    openAgent: openAgentOf(options),
    signal,
  })) {
    if (message.Failure !== undefined) throw failureOfBuild(message.Failure);
    const [image] = message.Result?.Images ?? [];
    if (image !== undefined) return parseDigest(image.Id);
    const event = progressOf(message);
    if (event !== undefined) onProgress?.(event);
  }
  throw new Failure("unavailable", "the daemon ended before the build");
}

async function readDockerfile({
  context,
  dockerfile,
}: Pick<BuildImageOptions, "context" | "dockerfile">): Promise<ReadDockerfile> {
  if (typeof dockerfile === "object") return { name: "Dockerfile", text: dockerfile.text };
  const path = dockerfile ?? join(context, "Dockerfile");
  try {
    return { name: basename(path), text: await readFile(path, "utf8") };
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") {
      const sentence = `failed to read dockerfile: open ${path}: no such file or directory`;
      throw new Failure("not-found", sentence, { cause, details: { path } });
    }
    throw new Failure("invalid", `failed to read dockerfile: ${sentenceOf(cause)}`, { cause });
  }
}

/** The way back from src/daemon/map/build-message.ts. */
function progressOf({ Vertex, Log, Status, Warning }: BuildMessage): BuildProgress | undefined {
  if (Vertex !== undefined) {
    return {
      kind: "vertex",
      id: parseDigest(Vertex.Id),
      inputs: Vertex.Inputs.map((id) => parseDigest(id)),
      name: Vertex.Name,
      startedAtMs: Vertex.StartedAt,
      completedAtMs: Vertex.CompletedAt,
      cached: Vertex.Cached,
      error: Vertex.Error,
    };
  }
  if (Log !== undefined) {
    const bytes = Buffer.from(Log.Data, "base64");
    return { kind: "log", vertex: parseDigest(Log.Vertex), stream: Log.Stream, atMs: Log.At, bytes };
  }
  if (Status !== undefined) {
    return {
      kind: "status",
      vertex: parseDigest(Status.Vertex),
      id: Status.Id,
      current: Status.Current,
      total: Status.Total,
      startedAtMs: Status.StartedAt,
      completedAtMs: Status.CompletedAt,
    };
  }
  if (Warning === undefined) return undefined;
  return {
    kind: "warning",
    vertex: parseDigest(Warning.Vertex),
    short: Warning.Short,
    detail: Warning.Detail,
    url: Warning.Url,
    startLine: Warning.StartLine,
    endLine: Warning.EndLine,
  };
}
