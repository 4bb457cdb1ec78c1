import { failureOf } from "../../base/failure.ts";
import type { BuildResult, Builds, OpenContext } from "../../model/builds.ts";
import { findDigest } from "../../spec/digest.ts";
import { buildErrorOf, type ErrorSource } from "./build-error.ts";
import type { BuildJob } from "./build-job.ts";
import type { ClientSession } from "./client-session.ts";
import { decodeDefinition } from "./definitions.ts";
import type { BuildJobs } from "./build-jobs.ts";
import type { Messages } from "./messages.ts";
import { receiveFiles, type WantedFiles } from "./receive-files.ts";
import { findCredentials, openAgent, readSecret } from "./session-services.ts";

/**
 * Builds what a definition of a client defines: one image without a configuration. Throws a status with the operation
 * that has failed, and its place in the client's source.
 */
export async function solveDefinition(
  definition: Messages["pb.Definition"] | null,
  {
    builds,
    jobs,
    job,
    session,
  }: {
    readonly builds: Builds;
    readonly jobs: BuildJobs;
    readonly job: BuildJob;
    readonly session: ClientSession;
  },
): Promise<BuildResult> {
  const decoded = decodeDefinition(definition);
  try {
    return await builds.solve(
      {
        definition: decoded,
        entitlements: job.entitlements,
        openLocal: async (name, { sharedKey = "", include, exclude, follow, signal, onProgress }) =>
          await openLocal(session, {
            builds,
            key: keyOf(session, sharedKey, { name, include, exclude, follow }),
            wanted: { name, include, exclude, follow },
            signal,
            onProgress,
          }),
        findResult: (id) => (job.findImage(id) ?? jobs.findImage(id))?.image,
        readSecret: async (id, signal) => readSecret(session, id, signal),
        openAgent: async (id, signal) => openAgent(session, id, signal),
        findCredentials: async (registry, signal) => findCredentials(session, registry, signal),
      },
      { signal: job.signal, onProgress: job.progress.add },
    );
  } catch (thrown) {
    job.signal.throwIfAborted();
    throw buildErrorOf(thrown, sourceOf(definition, failureOf(thrown).details.vertex));
  }
}

/** Directories are kept for the next build of the same client; other patterns have others. */
function keyOf({ sharedKey: own }: ClientSession, hint: string, wanted: WantedFiles): string {
  const key = hint || own;
  return key === "" ? "" : JSON.stringify([key, wanted]);
}

async function openLocal(
  session: ClientSession,
  {
    builds,
    key,
    wanted,
    signal,
    onProgress,
  }: {
    readonly builds: Builds;
    readonly key: string;
    readonly wanted: WantedFiles;
    readonly signal: AbortSignal;
    readonly onProgress: (bytes: number) => void;
  },
): Promise<OpenContext> {
  const receiver = await builds.contexts.open(key);
  try {
    await receiveFiles(session, wanted, { receiver, signal, onProgress });
  } catch (thrown) {
    await receiver[Symbol.asyncDispose]();
    throw thrown;
  }
  return receiver;
}

/** Where the client says that an operation comes from. */
function sourceOf(
  definition: Messages["pb.Definition"] | null,
  vertex: string | undefined,
): ErrorSource | undefined {
  const digest = vertex === undefined ? undefined : findDigest(vertex);
  const locations = digest === undefined ? undefined : definition?.Source?.locations[digest]?.locations;
  const [location] = locations ?? [];
  const info = location === undefined ? undefined : definition?.Source?.infos[location.sourceIndex];
  if (info === undefined || location === undefined) return undefined;
  const { filename: name, language } = info;
  return { name, text: Buffer.from(info.data).toString(), language, ranges: location.ranges };
}
