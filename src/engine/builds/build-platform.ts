import type { StatementText } from "../../build/exporters/encode-export.ts";
import type { Material } from "../../build/exporters/provenance.ts";
import type { Dockerfile } from "../../build/dockerfile/dockerfile-types.ts";
import { dockerfileToGraph } from "../../build/graph/dockerfile-to-graph.ts";
import { finishConfig } from "../../build/graph/finish-config.ts";
import type { BaseImage } from "../../build/graph/graph-types.ts";
import type { Layers, RunningSteps } from "../../build/solver/solver.ts";
import { encodeImage } from "../../image/commit.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import type { BuildRequest } from "../../model/builds.ts";
import { formatPlatform, hostPlatform, type Platform } from "../../spec/platform.ts";
import type { ContainerContext } from "../context.ts";
import type { BuildReport } from "./build-report.ts";
import { EngineWorker } from "./build-worker.ts";
import { findStepDevices } from "./find-step-devices.ts";
import type { ImportedCache } from "./imported-cache.ts";
import { findNamedContext, type NamedContextOptions, type OpenResult } from "./named-contexts.ts";
import type { OpenContexts } from "./open-contexts.ts";
import { solveVertex } from "./solve-vertex.ts";
import type { CacheMounts } from "./step-mounts.ts";

export interface PlatformBuild extends Pick<NamedContextOptions, "resolveImage" | "findResult"> {
  readonly context: ContainerContext;
  readonly caches: CacheMounts;
  readonly running: RunningSteps;
  readonly dockerfile: Dockerfile;
  /** Of the Dockerfile. */
  readonly text: string;
  /** Of the whole build, for its provenance. */
  readonly invocationId: string;
  readonly platform: Platform;
  readonly contexts: OpenContexts;
  readonly report: BuildReport;
  readonly signal: AbortSignal;
  /** Ends the steps that still run. */
  readonly cancel: (reason: unknown) => void;
}

/** Builds a Dockerfile for one platform. Throws what a step or an instruction has failed with (details.line, endLine). */
export async function buildPlatform(
  request: BuildRequest,
  {
    context,
    caches,
    running,
    dockerfile,
    text,
    invocationId,
    platform,
    contexts,
    report,
    signal,
    cancel,
    resolveImage,
    findResult,
  }: PlatformBuild,
): Promise<OpenResult> {
  const { buildArgs, target, labels, noCache, network, entitlements } = request;
  const startedAtMs = Date.now();
  const materials: Material[] = [];
  const resolveMaterial = async (reference: string, wanted: Platform): Promise<BaseImage> => {
    const found = await resolveImage(reference, wanted);
    const { digest } = found;
    materials.push({ reference: found.reference, platform: formatPlatform(wanted), digest });
    return found;
  };
  const graph = await dockerfileToGraph(dockerfile, {
    buildArgs,
    target,
    platform,
    buildPlatform: hostPlatform(),
    labels,
    noCache: typeof noCache === "boolean" ? noCache : new Set(noCache),
    network,
    entitlements,
    findDevices: async (devices) => await findStepDevices(context, devices, entitlements),
    resolveImage: resolveMaterial,
    findContext: async (name, wanted) =>
      await findNamedContext(request, name, { platform: wanted, resolveImage: resolveMaterial, findResult }),
  });
  report.announce(graph.vertex);
  report.list(graph.steps);
  const worker = new EngineWorker(context, {
    caches,
    settings: request,
    readSecret: request.readSecret,
    openAgent: request.openAgent,
    openContext: async (name) => await contexts.open(name),
    imported: await importCache(request, { context, platform, report, signal }),
    signal,
    remoteFiles: contexts.remoteFiles,
  });
  const { layers, solver } = await solveVertex(graph.vertex, { worker, running, report, signal, cancel });
  const { sourceDateEpoch } = request;
  const epochMs = sourceDateEpoch === undefined ? undefined : sourceDateEpoch * 1000;
  const plain = encodeImage(finishConfig(graph.config, { layers, epochMs }), layers);
  const image =
    request.hasInlineCache === true
      ? (await import("./export-cache.ts")).withInlineCache(plain, { layers, worker })
      : plain;
  const statements: StatementText[] = [];
  const { provenance, sbom } = request.attestations ?? {};
  if (sbom !== undefined) {
    const { scanResult } = await import("./scan-result.ts");
    const scanner = await resolveMaterial(sbom.generator, hostPlatform());
    const view = async (each: Layers): Promise<OwnedFd> => await worker.view(each);
    statements.push(...(await scanResult(graph.vertex, { scanner, solver, view })));
  }
  if (provenance !== undefined) {
    const { factsOf } = await import("./build-facts.ts");
    const { provenanceOf } = await import("../../build/exporters/provenance.ts");
    const known = { materials, startedAtMs, invocationId, dockerfile: text };
    const facts = factsOf(request, { vertex: graph.vertex, platform: formatPlatform(platform), ...known });
    statements.push(provenanceOf(facts, provenance));
  }
  return { image, layers, epochMs, worker, statements };
}

async function importCache(
  { cacheSources = [], findCredentials }: BuildRequest,
  options: {
    readonly context: ContainerContext;
    readonly platform: Platform;
    readonly report: BuildReport;
    readonly signal: AbortSignal;
  },
): Promise<ImportedCache | undefined> {
  if (cacheSources.length === 0) return undefined;
  const { ImportedCache: Imported } = await import("./imported-cache.ts");
  return await Imported.open(cacheSources, { ...options, findCredentials });
}
