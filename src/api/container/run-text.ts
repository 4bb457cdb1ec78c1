import type { Failure } from "../../base/failure.ts";
import type { StartTiming } from "../types/container.ts";

// Messages of `tare run` next to the program's output. The command line prints them, or the daemon on behalf of the
// launcher.

/** `started in 4.1 ms: root 0.6 · namespaces 0.7 · …`, one line. */
export function formatTiming({ TotalMs, Phases }: StartTiming): string {
  const phases = Phases.map(({ Name, Ms }) => `${Name} ${Ms.toFixed(1)}`).join(" · ");
  return `started in ${TotalMs.toFixed(1)} ms${phases === "" ? "" : `: ${phases}`}\n`;
}

/** The hello image itself prints where the time went. */
export function showsTiming(image: string): boolean {
  return image === "hello" || image === "hello:latest";
}

/**
 * The exit status of `tare run` when its program did not start: 127, there is no such file; 126, it cannot be executed;
 * else 125.
 */
export function startFailureStatus({ details }: Failure): number {
  const { exitCode, code = "" } = details;
  if (exitCode === 126 || exitCode === 127) return exitCode;
  return code === "ENOENT" ? 127 : unexecutable.has(code) ? 126 : 125;
}

/** Errors for which Docker's client exits with 126, wherever in a start they occur. */
const unexecutable: ReadonlySet<string> = new Set(["EACCES", "EISDIR", "ENOEXEC"]);
