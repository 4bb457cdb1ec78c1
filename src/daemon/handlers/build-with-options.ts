import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseJsonBody } from "../../api/http/json-body.ts";
import {
  type BuildOptionsRequest,
  type ContextPath,
  parseBuildOptions,
} from "../../api/image/build-options.ts";
import { parseRegistryConfig } from "../../api/image/registry-auth.ts";
import type { BuildAgentRequest, BuildMessage } from "../../api/types/build.ts";
import { Failure } from "../../base/failure.ts";
import type { BuildContext, BuildProgress, BuildRequest, Builds, OpenContext } from "../../model/builds.ts";
import type { Call } from "../handler.ts";
import { BodyMemory } from "../http/body-memory.ts";
import { readFirstLine } from "../http/first-line.ts";
import { bodyPieces, refusingBadBody } from "../http/request-body.ts";
import { buildFailureOf, buildMessageOf, buildResultOf } from "../map/build-message.ts";
import { deliverOutputs, during } from "./build-outputs.ts";
import { openBuilds } from "./open-builds.ts";

/** First lines of all clients together. */
const memory = new BodyMemory();

/** `POST /tare/builds`: all options in the body's first line, progress in typed lines. */
export async function buildWithOptions({ engine, request, reply, signal }: Call): Promise<void> {
  const { line, rest } = await readFirstLine(bodyPieces(request), memory);
  const options = parseBuildOptions(parseJsonBody(Buffer.from(line)));
  const credentials = parseRegistryConfig(request.header("x-registry-config"));
  const findCredentials = (registry: string): Promise<(typeof credentials)[string] | undefined> =>
    Promise.resolve(credentials[registry]);
  const builds = await openBuilds(engine);
  await using context = await openContext(options, { builds, rest, signal });
  reply.begin("application/json");
  // SAFETY: a client that reads slowly does not hold the steps; the output of each is bounded.
  let written: Promise<void> = Promise.resolve();
  const send = (message: BuildMessage): Promise<void> => {
    const text = `${JSON.stringify(message)}\n`;
    written = written.then(() => reply.write(text));
    return written;
  };
  const onProgress = (event: BuildProgress): void => {
    const message = buildMessageOf(event);
    if (message !== undefined) void send(message);
  };
  try {
    await reportDockerfile(options, onProgress);
    const openAgent = openAgentOf(options, (Agent) => void send({ Agent }));
    const asked = requestOf(options, { context, findCredentials, openAgent });
    if (options.describe === undefined) {
      await using result = await builds.build(asked, { signal, onProgress });
      const exported = await deliverOutputs(builds, result, {
        options,
        findCredentials,
        signal,
        onProgress,
        send,
      });
      await send(buildResultOf(result.images, exported));
    } else {
      const { json, text, statusCode } = await builds.describe(options.describe, asked, {
        signal,
        onProgress,
      });
      await send({ Report: { Json: json, Text: text, StatusCode: statusCode } });
    }
  } catch (thrown) {
    await send({ Failure: buildFailureOf(thrown) });
  }
  reply.end();
}

/** The engine reports only a Dockerfile that it reads itself. */
async function reportDockerfile(
  { dockerfile: { name, text } }: BuildOptionsRequest,
  onProgress: (event: BuildProgress) => void,
): Promise<void> {
  if (text === undefined) return;
  await during(`[internal] load build definition from ${name}`, { onProgress }, (vertex) => {
    const bytes = Buffer.byteLength(text);
    const id = "transferring dockerfile:";
    onProgress({ kind: "status", vertex, id, current: bytes, total: bytes, startedAtMs: Date.now() });
    return Promise.resolve();
  });
}

function requestOf(
  { ignoreFile, secrets, namedContexts, remote, ...options }: BuildOptionsRequest,
  {
    context,
    ...callbacks
  }: { readonly context: OpenContext } & Pick<BuildRequest, "findCredentials" | "openAgent">,
): BuildRequest {
  const isShared = [...namedContexts.values()].some(({ kind }) => kind === "archive");
  const main = isShared ? join(context.path, "0") : context.path;
  const contexts = new Map<string, BuildContext>([
    ["", remote === undefined ? directoryOf(main, ignoreFile) : { kind: "url", url: remote }],
  ]);
  for (const [name, source] of namedContexts) {
    if (source.kind === "directory") contexts.set(name, directoryOf(source.directory.path));
    else if (source.kind === "archive")
      contexts.set(name, directoryOf(join(context.path, String(source.number))));
    else contexts.set(name, source);
  }
  return { ...options, contexts, readSecret: (id) => Promise.resolve(secrets.get(id)), ...callbacks };
}

/** Each connection of a step is announced to the client, which makes it. */
function openAgentOf(
  { agents }: BuildOptionsRequest,
  announce: (request: BuildAgentRequest) => void,
): BuildRequest["openAgent"] {
  if (agents.size === 0) return undefined;
  return async (id, signal) => {
    if (!agents.has(id)) throw new Failure("not-found", `no SSH key "${id}" forwarded from the client`);
    const { openClientAgent } = await import("./agent-connections.ts");
    return await openClientAgent((connection) => announce({ Connection: connection, Id: id }), signal);
  };
}

function directoryOf(path: string, ignoreFile?: string): BuildContext {
  return {
    kind: "directory",
    open: () => Promise.resolve({ path, [Symbol.asyncDispose]: () => Promise.resolve() }),
    readIgnoreFile: ignoreFile === undefined ? undefined : () => Promise.resolve(ignoreFile),
  };
}

/** The context where it is, or what follows the first line. */
async function openContext(
  { context, namedContexts, remote }: BuildOptionsRequest,
  {
    builds,
    rest,
    signal,
  }: { readonly builds: Builds; readonly rest: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
): Promise<OpenContext> {
  const numbers: number[] = [];
  for (const source of namedContexts.values()) {
    if (source.kind === "directory") await requireSameDirectory(source.directory);
    else if (source.kind === "archive") numbers.push(source.number);
  }
  if (remote !== undefined && numbers.length === 0)
    return { path: "", [Symbol.asyncDispose]: () => Promise.resolve() };
  if (context === undefined) {
    const sent = await refusingBadBody(() => builds.contexts.unpack(rest, signal));
    if (numbers.length > 0) await requireDirectories(sent, [0, ...numbers]);
    return sent;
  }
  if (numbers.length > 0) throw new Failure("invalid", "there is no archive for the named contexts");
  await requireSameDirectory(context);
  return { path: context.path, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** SAFETY: the names in the archive are its sender's: a link in place of a directory would lead out of it. */
async function requireDirectories(sent: OpenContext, numbers: readonly number[]): Promise<void> {
  try {
    for (const number of numbers) {
      const found = await lstat(join(sent.path, String(number))).catch(() => undefined);
      if (found?.isDirectory() !== true)
        throw new Failure("invalid", `the archive of the contexts has no directory "${number}"`);
    }
  } catch (thrown) {
    await sent[Symbol.asyncDispose]();
    throw thrown;
  }
}

/**
 * Throws "conflict" where the daemon finds another directory, or none: the client has other mounts, and sends the files.
 */
async function requireSameDirectory({ path, device, inode }: ContextPath): Promise<void> {
  const refused = (cause?: unknown): Failure =>
    new Failure("conflict", `cannot read the build context in place: "${path}" is another directory here`, {
      cause,
    });
  try {
    const found = await stat(path, { bigint: true });
    if (found.isDirectory() && found.dev === device && found.ino === inode) return;
  } catch (thrown) {
    throw refused(thrown);
  }
  throw refused();
}
