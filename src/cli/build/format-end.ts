import type { BuildWarning } from "../../api/types/build.ts";
import type { FailureDetails } from "../../base/failure.ts";
import { quoteControls } from "../../base/quote-controls.ts";
import { type BuildTrace, isCanceled, shownName } from "./build-trace.ts";

/** The end of the output of each step that failed. */
export function formatFailedSteps({ steps }: BuildTrace): string {
  return [...steps.values()]
    .filter(({ vertex }) => vertex.Error !== undefined && !isCanceled(vertex))
    .map(
      ({ vertex, tail }) =>
        `------\n > ${shownName(vertex.Name)}:\n${tail.map((line) => `${line}\n`).join("")}------\n`,
    )
    .join("");
}

/** What went wrong: the place in the Dockerfile, then the sentence. */
export function formatBuildFailure(
  sentence: string,
  { excerpt, fromDaemon = false }: Pick<FailureDetails, "excerpt" | "fromDaemon"> = {},
): string {
  const place = excerpt === undefined ? "" : quoteControls(excerpt);
  const solving = fromDaemon ? "failed to solve: " : "";
  return `${place}ERROR: failed to build: ${solving}${quoteControls(sentence)}\n`;
}

/** Warnings about the Dockerfile, below the progress. */
export function formatBuildWarnings(warnings: readonly BuildWarning[]): string {
  if (warnings.length === 0) return "";
  const heading = warnings.length === 1 ? "1 warning found" : `${warnings.length} warnings found`;
  const lines = warnings.map(({ Short }) => ` - ${shownName(Short)}\n`);
  return `\n ${heading} (use --check for the details):\n${lines.join("")}`;
}
