import { quoteControls } from "../../base/quote-controls.ts";

// What `tare run` prints besides the output of the program, and how long it follows the container. The command line and
// the daemon's fast path (src/daemon/handlers/run-fast-path.ts) use the same functions.

/** The line for a failure. */
export function formatFailure(sentence: string): string {
  return quoteControls(`tare: ${sentence}\n`);
}

/** A line for each warning about the creation. */
export function formatWarnings(warnings: readonly string[] | null | undefined): string {
  return quoteControls((warnings ?? []).map((warning) => `WARNING: ${warning}\n`).join(""));
}

/** The event that ends a run that is followed. A container is not removed before the caller has read its record. */
export function endOfRun({
  rm,
  isRecorded = false,
}: {
  readonly rm: boolean;
  readonly isRecorded?: boolean | undefined;
}): "removed" | "next-exit" {
  return rm && !isRecorded ? "removed" : "next-exit";
}
