import { Failure } from "../../base/failure.ts";
import type { Sendable } from "../../grpc/codec.ts";
import type { GrpcServer, ServerCall } from "../../grpc/server.ts";
import { statusCode, StatusError } from "../../grpc/status.ts";
import type { BuiltImage, TreeEntry } from "../../model/builds.ts";
import { findDigest } from "../../spec/digest.ts";
import { formatPlatform, normalizePlatform, parsePlatform } from "../../spec/platform.ts";
import { buildErrorOf, returnedError } from "./build-error.ts";
import type { BuildJob } from "./build-job.ts";
import { codecs, codingsOf } from "./codings.ts";
import { encodeResultDefinition, findResultId } from "./definitions.ts";
import { goOfMode } from "./file-packet.ts";
import type { Messages } from "./messages.ts";
import { returnedResult } from "./returned-result.ts";
import { type BridgeCaller, type BuildKitContext, sessionOf } from "./build-context.ts";
import { reportMetadata, runFrontEndFor } from "./solve.ts";
import { solveDefinition } from "./solve-definition.ts";
import { findCredentials } from "./session-services.ts";
import { pong } from "./workers.ts";

const service = "moby.buildkit.v1.frontend.LLBBridge";
/** The header of a call with the ref of the build that it belongs to. */
const buildHeader = "buildkit-controlapi-buildid";
/** At most so much of a file is read in one call. */
const mostFileBytes = 16 * 1024 * 1024;

type FrontendResult = Sendable<Messages["moby.buildkit.v1.frontend.Result"]>;

/** The caller of a call: a front end on the client's side, by the header with its build. */
export async function clientCaller(call: ServerCall, { jobs }: BuildKitContext): Promise<BridgeCaller> {
  const job = await jobs.get(call.header(buildHeader), call.signal);
  return { job, inputs: {}, onReturn: (returned) => job.return(returned) };
}

/** What a front end calls. SPEC: moby/buildkit, frontend/gateway/pb/gateway.proto. */
export function serveBridge(
  server: GrpcServer,
  context: BuildKitContext,
  callerOf: (call: ServerCall) => Promise<BridgeCaller>,
): void {
  const jobOf = async (call: ServerCall): Promise<BuildJob> => (await callerOf(call)).job;
  server.unary(`/${service}/Ping`, codingsOf(`${service}/Ping`), async (_, call) => {
    await jobOf(call);
    return pong(context.version);
  });
  server.unary(`/${service}/Solve`, codingsOf(`${service}/Solve`), async (request, call) => {
    const job = await jobOf(call);
    if (request.Frontend === "") {
      const id = findResultId(request.Definition);
      if (id === undefined) return { result: await solveForBridge(request.Definition, job, context) };
      // A result of a build that has ended has no files any more, but clients check that it is still one.
      const held = context.jobs.findImage(id);
      if (held !== undefined) job.borrow(id, held);
      return { result: { ref: { id, def: request.Definition } } };
    }
    job.countSolve();
    const outcome = await runFrontEndFor(request.FrontendOpt, {
      frontend: request.Frontend,
      inputs: request.FrontendInputs,
      job,
      context,
    });
    if (outcome.kind === "report") return { result: { metadata: encodeMetadata(reportMetadata(outcome)) } };
    const { result, isMultiPlatform } = outcome;
    const ids = job.hold(result, { isMultiPlatform });
    return { result: encodeResult(result.images, { ids, isMultiPlatform }) };
  });
  server.unary(`/${service}/Return`, codingsOf(`${service}/Return`), async ({ result, error }, call) => {
    const { job, onReturn } = await callerOf(call);
    if (error !== null && error.code !== statusCode.ok) {
      const encoded = codecs.of("google.rpc.Status").encode(error);
      onReturn({ kind: "error", error: returnedError({ ...error, encoded }) });
      return {};
    }
    const metadata = result?.metadata ?? {};
    onReturn({ kind: "result", ...returnedResult(result, job, context.builds), metadata });
    return {};
  });
  server.unary(`/${service}/Evaluate`, codingsOf(`${service}/Evaluate`), async ({ Ref }, call) => {
    (await jobOf(call)).getResult([Ref]);
    return {};
  });
  server.unary(`/${service}/ReadFile`, codingsOf(`${service}/ReadFile`), async (request, call) => {
    const tree = await (await jobOf(call)).getTree(request.Ref);
    const { Offset: offset = 0, Length: length = 0 } = request.Range ?? {};
    const limitBytes = length > 0 ? Math.min(length, mostFileBytes) : mostFileBytes;
    return { Data: await fileResult(() => tree.read(request.FilePath, { offset, limitBytes })) };
  });
  server.unary(`/${service}/StatFile`, codingsOf(`${service}/StatFile`), async ({ Ref, Path }, call) => {
    const tree = await (await jobOf(call)).getTree(Ref);
    return { stat: encodeStat(await fileResult(() => tree.stat(Path))) };
  });
  server.unary(`/${service}/ReadDir`, codingsOf(`${service}/ReadDir`), async (request, call) => {
    const tree = await (await jobOf(call)).getTree(request.Ref);
    const all = await fileResult(() => tree.list(request.DirPath));
    const isWanted = globTest(request.IncludePattern);
    return { entries: all.filter(({ path }) => isWanted(path)).map(encodeStat) };
  });
  server.unary(`/${service}/Inputs`, codingsOf(`${service}/Inputs`), async (_, call) => {
    const { inputs } = await callerOf(call);
    return { Definitions: inputs };
  });
  server.unary(`/${service}/Warn`, codingsOf(`${service}/Warn`), async (request, call) => {
    const vertex = findDigest(request.digest);
    const [range] = request.ranges;
    if (vertex !== undefined) {
      (await jobOf(call)).progress.add({
        kind: "warning",
        vertex,
        short: Buffer.from(request.short).toString(),
        detail: request.detail.map((line) => Buffer.from(line).toString()),
        url: request.url,
        startLine: range?.start?.line ?? 0,
        endLine: range?.end?.line ?? 0,
      });
    }
    return {};
  });
  server.unary(
    `/${service}/ResolveImageConfig`,
    codingsOf(`${service}/ResolveImageConfig`),
    async ({ Ref, Platform, ResolveMode }, call) => {
      const { reference, digest, configBytes } = await resolveImage(Ref, {
        job: await jobOf(call),
        context,
        platform: Platform,
        pull: ResolveMode === "pull",
      });
      return { Digest: digest, Config: configBytes, Ref: reference };
    },
  );
  server.unary(
    `/${service}/ResolveSourceMeta`,
    codingsOf(`${service}/ResolveSourceMeta`),
    async ({ Source, Platform, ResolveMode }, call) => {
      const prefix = "docker-image://";
      const identifier = Source?.identifier ?? "";
      if (!identifier.startsWith(prefix))
        throw new Failure("unsupported", `cannot resolve ${identifier}: only images are resolved`);
      const { digest, configBytes } = await resolveImage(identifier.slice(prefix.length), {
        job: await jobOf(call),
        context,
        platform: Platform,
        pull: ResolveMode === "pull",
      });
      return { Source: { identifier }, Image: { Digest: digest, Config: configBytes } };
    },
  );
}

/** A definition that is empty has a result without files. */
async function solveForBridge(
  definition: Messages["pb.Definition"] | null,
  job: BuildJob,
  context: BuildKitContext,
): Promise<FrontendResult> {
  if ((definition?.def ?? []).length === 0) return {};
  const { builds, jobs } = context;
  const session = await sessionOf(job, context);
  job.countSolve();
  const result = await solveDefinition(definition, { builds, jobs, job, session });
  const [id] = job.hold(result, { isMultiPlatform: false });
  return id === undefined ? {} : { ref: { id, def: definition } };
}

async function resolveImage(
  reference: string,
  {
    job,
    context: { builds, sessions },
    platform,
    pull,
  }: {
    readonly job: BuildJob;
    readonly context: BuildKitContext;
    readonly platform: Messages["pb.Platform"] | null;
    readonly pull: boolean;
  },
): ReturnType<BuildKitContext["builds"]["resolveImage"]> {
  const wanted =
    platform === null || platform.OS === ""
      ? undefined
      : formatPlatform(normalizePlatform(platform.OS, platform.Architecture, platform.Variant));
  try {
    return await builds.resolveImage(reference, {
      platform: wanted,
      pull,
      signal: job.signal,
      onProgress: job.progress.add,
      findCredentials: async (registry, signal) =>
        findCredentials(await sessions.get(job.sessionId, signal), registry, signal),
    });
  } catch (thrown) {
    throw buildErrorOf(thrown, undefined);
  }
}

/** Clients know a missing file by the code. */
async function fileResult<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind === "not-found")
      throw new StatusError({ code: statusCode.notFound, message: thrown.message }, thrown);
    throw buildErrorOf(thrown, undefined);
  }
}

function encodeResult(
  images: readonly BuiltImage[],
  { ids, isMultiPlatform }: { readonly ids: readonly string[]; readonly isMultiPlatform: boolean },
): FrontendResult {
  const refs = images.map((image, at) => {
    const id = ids[at] ?? "";
    return { platform: image.platform, image, ref: { id, def: encodeResultDefinition(id, image.platform) } };
  });
  const [first] = refs;
  if (!isMultiPlatform && first !== undefined) {
    const metadata = { "containerimage.config": first.image.configBytes };
    return { ref: first.ref, metadata };
  }
  const platforms = refs.map(({ platform }) => {
    const { os, architecture, variant } = parsePlatform(platform);
    return { ID: platform, Platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
  });
  const configs = refs.map(({ platform, image }) => [`containerimage.config/${platform}`, image.configBytes]);
  return {
    refs: { refs: Object.fromEntries(refs.map(({ platform, ref }) => [platform, ref])) },
    metadata: {
      ...Object.fromEntries(configs),
      "refs.platforms": Buffer.from(JSON.stringify({ Platforms: platforms })),
    },
  };
}

function encodeMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, Uint8Array>> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value)]));
}

function encodeStat(entry: TreeEntry): Sendable<Messages["fsutil.types.Stat"]> {
  return {
    path: entry.path,
    mode: goOfMode(entry.mode),
    uid: entry.uid,
    gid: entry.gid,
    size: entry.sizeBytes,
    modTime: Number(entry.modifiedNs),
    linkname: entry.target ?? "",
    devmajor: entry.device?.major ?? 0,
    devminor: entry.device?.minor ?? 0,
    xattrs: Object.fromEntries(entry.xattrs),
  };
}

/** SPEC: Go, path/filepath.Match for `*` and `?`; other characters stand for themselves. */
export function globTest(pattern: string): (name: string) => boolean {
  if (pattern === "") return () => true;
  return (name) => {
    let [at, inPattern, star, afterStar] = [0, 0, -1, 0];
    while (at < name.length) {
      const wanted = pattern[inPattern];
      if (wanted === "*") {
        star = inPattern++;
        afterStar = at;
      } else if (wanted === name[at] || (wanted === "?" && name[at] !== "/")) {
        at++;
        inPattern++;
      } else if (star >= 0 && name[afterStar] !== "/") {
        inPattern = star + 1;
        at = ++afterStar;
      } else return false;
    }
    while (pattern[inPattern] === "*") inPattern++;
    return inPattern === pattern.length;
  };
}
