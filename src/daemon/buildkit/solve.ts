import { type CacheEntry, parseCacheTarget, requireFewCaches } from "../../api/image/cache-options.ts";
import type { Sendable } from "../../grpc/codec.ts";
import type { ServerCall } from "../../grpc/server.ts";
import { statusOfThrown } from "../../grpc/status.ts";
import type { BuildResult, Builds } from "../../model/builds.ts";
import { type BuildKitContext, type Definitions, sessionOf } from "./build-context.ts";
import { buildErrorOf } from "./build-error.ts";
import type { BuildJob } from "./build-job.ts";
import type { ClientSession } from "./client-session.ts";
import { isBuiltInSyntax } from "../../spec/syntax-image.ts";
import { findResultId } from "./definitions.ts";
import { type ExporterRequest, exportResult } from "./exporters.ts";
import { type FrontEndOutcome, runFrontEnd } from "./front-end.ts";
import type { Messages } from "./messages.ts";
import { timestampOf } from "./progress-log.ts";
import { findCredentials } from "./session-services.ts";
import { solveDefinition } from "./solve-definition.ts";

type SolveRequest = Messages["moby.buildkit.v1.SolveRequest"];
type SolveResponse = Sendable<Messages["moby.buildkit.v1.SolveResponse"]>;

/** A build from its request to its answer: it ends with its client, and frees all that it holds. */
export async function solve(
  request: SolveRequest,
  call: ServerCall,
  context: BuildKitContext,
): Promise<SolveResponse> {
  const job = context.jobs.begin({
    ref: request.Ref,
    sessionId: request.Session,
    entitlements: request.Entitlements,
    cacheTargets: cacheEntriesOf(request).flatMap((entry) => parseCacheTarget(entry) ?? []),
  });
  job.endWith(call.signal);
  const record = {
    Ref: request.Ref,
    Frontend: request.Frontend,
    FrontendAttrs: request.FrontendAttrs,
    Exporters: exportersOf(request).map(({ type, attributes }) => ({ Type: type, Attrs: attributes })),
    CreatedAt: timestampOf(job.startedAtMs),
  };
  if (!request.Internal) context.history.begin(record);
  const complete = (more: Partial<Sendable<Messages["moby.buildkit.v1.BuildHistoryRecord"]>>): void => {
    if (request.Internal) return;
    const { cached, completed, total } = job.progress.counts;
    context.history.complete({
      ...more,
      ...record,
      CompletedAt: timestampOf(Date.now()),
      numCachedSteps: cached,
      numCompletedSteps: completed,
      numTotalSteps: total,
      numWarnings: job.progress.warnings,
    });
  };
  try {
    const response = await run(request, job, context);
    complete({ ExporterResponse: response });
    return { ExporterResponse: response };
  } catch (thrown) {
    const error = buildErrorOf(thrown, undefined);
    const { code, message } = statusOfThrown(error);
    complete({ error: { code, message } });
    throw error;
  } finally {
    await context.jobs.end(job);
  }
}

async function run(
  request: SolveRequest,
  job: BuildJob,
  context: BuildKitContext,
): Promise<Readonly<Record<string, string>>> {
  const unknown = cacheEntriesOf(request).filter((entry) => parseCacheTarget(entry) === undefined);
  if (unknown.length > 0) {
    await job.progress.step("[internal] options without effect").run(async (step) => {
      for (const { type } of unknown)
        step.log(`WARN: the cache is not exported as "${type}": only as "registry" and "inline"\n`);
    });
  }
  const outcome = await outcomeOf(request, job, context);
  if (outcome.kind === "report") return reportMetadata(outcome);
  const { result, isMultiPlatform } = outcome;
  if (result === undefined) return {};
  const session = await sessionOf(job, context);
  const facts = await exportResult(result, exportersOf(request), {
    builds: context.builds,
    session,
    progress: job.progress,
    signal: job.signal,
    isMultiPlatform,
    findCredentials: async (registry, signal) => findCredentials(session, registry, signal),
  });
  await exportCaches(result, { job, context, session });
  return facts;
}

async function exportCaches(
  result: BuildResult,
  {
    job: { cacheTargets, progress, signal },
    context,
    session,
  }: { readonly job: BuildJob; readonly context: BuildKitContext; readonly session: ClientSession },
): Promise<void> {
  for (const target of cacheTargets) {
    if (target.kind === "inline") continue;
    const { ignoresError, ...options } = target;
    const exporting = progress.step("exporting cache to registry").run(async (step) => {
      await context.builds.exportCache(result, {
        ...options,
        findCredentials: async (registry, ends) => findCredentials(session, registry, ends),
        onPart: (text) => step.part(text).finish(),
        signal,
      });
    });
    await (ignoresError ? exporting.catch(() => signal.throwIfAborted()) : exporting);
  }
}

function cacheEntriesOf({ Cache }: SolveRequest): readonly CacheEntry[] {
  requireFewCaches(Cache?.Exports ?? []);
  return (Cache?.Exports ?? []).map(({ Type, Attrs }) => ({ type: Type, attributes: Attrs }));
}

type Outcome =
  | { readonly kind: "result"; readonly result: BuildResult | undefined; readonly isMultiPlatform: boolean }
  | Extract<FrontEndOutcome, { kind: "report" }>;

async function outcomeOf(request: SolveRequest, job: BuildJob, context: BuildKitContext): Promise<Outcome> {
  if (request.Frontend !== "") return await ownFrontEnd(request, job, context);
  if ((request.Definition?.def ?? []).length === 0) return await returnedOf(job);
  const { builds, jobs } = context;
  const session = await sessionOf(job, context);
  const result = job.owned.use(await solveDefinition(request.Definition, { builds, jobs, job, session }));
  return { kind: "result", result: configured(result, request, builds), isMultiPlatform: false };
}

/** With the configuration that is an attribute of the exporter. */
function configured(result: BuildResult, request: SolveRequest, builds: Builds): BuildResult {
  const [image] = result.images;
  const config = exportersOf(request).find(({ attributes }) => "containerimage.config" in attributes)
    ?.attributes["containerimage.config"];
  if (image === undefined || config === undefined) return result;
  const settings = { platform: image.platform, configBytes: Buffer.from(config) };
  return { ...result, images: [builds.configure(image, settings)] };
}

/** The client is the front end: it uses the bridge, and then returns a result. */
async function returnedOf(job: BuildJob): Promise<Outcome> {
  const returned = await job.returned();
  if (returned.kind === "error") throw returned.error;
  return returned;
}

async function ownFrontEnd(request: SolveRequest, job: BuildJob, context: BuildKitContext): Promise<Outcome> {
  const outcome = await runFrontEndFor(request.FrontendAttrs, {
    frontend: request.Frontend,
    inputs: request.FrontendInputs,
    job,
    context,
  });
  if (outcome.kind === "result") job.owned.use(outcome.result);
  return outcome;
}

/** Runs a front end that the request names: the one for Dockerfiles, or that of an image. Throws for others. */
export async function runFrontEndFor(
  options: Readonly<Record<string, string>>,
  {
    frontend,
    inputs,
    job,
    context,
  }: {
    readonly frontend: string;
    readonly inputs: Definitions;
    readonly job: BuildJob;
    readonly context: BuildKitContext;
  },
): Promise<FrontEndOutcome> {
  const { source = "" } = options;
  const forward = async (
    image: string,
    given: Readonly<Record<string, string>>,
  ): Promise<FrontEndOutcome> => {
    const { runImageFrontEnd } = await import("./image-front-end.ts");
    return await runImageFrontEnd(image, { options: given, inputs, job, context });
  };
  if (frontend === "gateway.v0" && source !== "" && !isBuiltInSyntax(source))
    return await forward(source, options);
  if (frontend !== "dockerfile.v0" && frontend !== "gateway.v0")
    throw buildErrorOf(new Error(`frontend ${frontend} not found`), undefined);
  const session = await sessionOf(job, context);
  return await runFrontEnd(options, {
    builds: context.builds,
    session,
    progress: job.progress,
    signal: job.signal,
    entitlements: job.entitlements,
    hasInlineCache: job.cacheTargets.some(({ kind }) => kind === "inline"),
    owned: job.owned,
    forward,
    findInput: (name) => {
      const id = findResultId(inputs[name]);
      return id === undefined ? undefined : context.jobs.findImage(id)?.image;
    },
  });
}

/** A report as the metadata of a result, for clients that print it. */
export function reportMetadata({
  report,
}: Extract<FrontEndOutcome, { kind: "report" }>): Readonly<Record<string, string>> {
  return {
    "result.json": report.json,
    "result.txt": report.text,
    version: "1.0.0",
    ...(report.statusCode === undefined ? {} : { "result.statuscode": String(report.statusCode) }),
  };
}

/** Older clients name one exporter, newer ones a list. */
function exportersOf(request: SolveRequest): readonly ExporterRequest[] {
  if (request.Exporters.length > 0)
    return request.Exporters.map(({ Type, Attrs }) => ({ type: Type, attributes: Attrs }));
  return request.ExporterDeprecated === ""
    ? []
    : [{ type: request.ExporterDeprecated, attributes: request.ExporterAttrsDeprecated }];
}
