import type { Progress } from "../../base/progress.ts";

export type Report = (progress: Progress) => void;

/**
 * Runs `work` and yields its reports. A consumer that stops aborts the work, and waits until it has ended. Without a
 * waiting consumer, a new report replaces the previous one of the same layer and phase.
 */
export async function* reporting(
  work: (report: Report, signal: AbortSignal) => Promise<void>,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Progress, void, undefined> {
  const stop = new AbortController();
  const waiting = new Map<string, Progress>();
  let wake: () => void = () => undefined;
  let count = 0;
  const report: Report = (progress) => {
    waiting.set(progress.kind === "layer" ? `${progress.id} ${progress.phase}` : String(count++), progress);
    wake();
  };
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const state = { running: true };
  const done = work(report, both).finally(() => {
    state.running = false;
    wake();
  });
  done.catch(() => undefined); // awaited below
  try {
    while (state.running || waiting.size > 0) {
      const ready = [...waiting.values()];
      waiting.clear();
      yield* ready;
      if (state.running && waiting.size === 0) await new Promise<void>((resolve) => (wake = resolve));
    }
    await done;
  } finally {
    stop.abort();
    await done.catch(() => undefined);
  }
}
