import type { StartTiming } from "../../../model/container-state.ts";

type Phase = StartTiming["phases"][number];

/** Measures where the time of a start goes. */
export class PhaseClock {
  readonly #begin = performance.now();
  readonly #phases: Phase[] = [];
  #last = this.#begin;

  /** The time since the last mark was this phase. */
  mark(name: string): void {
    const now = performance.now();
    this.#phases.push({ name, ms: round(now - this.#last) });
    this.#last = now;
  }

  /** With the phases that the runtime measured itself. */
  finish(more: readonly Phase[]): StartTiming {
    const totalMs = round(performance.now() - this.#begin);
    // Repeated phases are summed: for example, the cgroup is created here and joined there.
    const sums = new Map<string, number>();
    for (const { name, ms } of [...this.#phases, ...more]) sums.set(name, (sums.get(name) ?? 0) + ms);
    return { totalMs, phases: [...sums].map(([name, ms]) => ({ name, ms: round(ms) })) };
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
