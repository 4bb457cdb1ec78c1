import type { StartTiming } from "../../api/types/container.ts";

/** `started in 4.1 ms: root 0.6 · namespaces 0.7 · …`, one line. */
export function formatTiming({ TotalMs, Phases }: StartTiming): string {
  const phases = Phases.map(({ Name, Ms }) => `${Name} ${Ms.toFixed(1)}`).join(" · ");
  return `started in ${TotalMs.toFixed(1)} ms${phases === "" ? "" : `: ${phases}`}\n`;
}
