import { Failure, failureOf } from "../../base/failure.ts";
import type { Dockerfile } from "../../build/dockerfile/dockerfile-types.ts";
import { formatExcerpt, type SourceText } from "../../build/dockerfile/format-excerpt.ts";
import { parseDockerfile } from "../../build/dockerfile/parse-dockerfile.ts";
import type { BuildRequest } from "../../model/builds.ts";
import type { Digest } from "../../spec/digest.ts";
import type { BuildReport } from "./build-report.ts";
import type { OpenContexts } from "./open-contexts.ts";

/** The Dockerfile of a build, from its main context unless the caller has read it. Throws "invalid" with an excerpt. */
export async function readDockerfile(
  { dockerfile: { name, text } }: BuildRequest,
  contexts: OpenContexts,
  report: BuildReport,
): Promise<{ readonly dockerfile: Dockerfile; readonly text: string; readonly vertex: Digest }> {
  const read = async (
    progress: (id: string, current: number, total?: number) => void,
    id: Digest,
  ): Promise<{ readonly found: string; readonly vertex: Digest }> => {
    const found = await contexts.readFile(name);
    progress("transferring dockerfile:", Buffer.byteLength(found), Buffer.byteLength(found));
    return { found, vertex: id };
  };
  // A caller that has read it tells of it, too.
  const { found, vertex } =
    text === undefined
      ? await report.during(`[internal] load build definition from ${name}`, read)
      : { found: text, vertex: report.newId() };
  try {
    return { dockerfile: parseDockerfile(found), text: found, vertex };
  } catch (thrown) {
    throw withExcerpt(thrown, { name, text: found });
  }
}

/** Of a context that gives it apart from its files. */
export async function readIgnoreFile(
  { contexts }: BuildRequest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const main = contexts.get("");
  return main?.kind === "directory" ? await main.readIgnoreFile?.(signal) : undefined;
}

/** Adds the lines of the Dockerfile to a failure that has their numbers. */
export function withExcerpt(thrown: unknown, source: SourceText): unknown {
  const failure = failureOf(thrown);
  const { line: startLine, endLine = startLine } = failure.details;
  if (startLine === undefined || endLine === undefined || failure.kind === "canceled") return thrown;
  return new Failure(failure.kind, failure.message, {
    cause: thrown,
    details: { ...failure.details, excerpt: formatExcerpt(source, { startLine, endLine }) },
  });
}
