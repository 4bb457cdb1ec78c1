import type { Progress } from "../base/progress.ts";
import type { Digest } from "../spec/digest.ts";
import type { Report } from "./streams/reporting.ts";

export interface SharedWork {
  readonly report: Report;
  readonly signal: AbortSignal;
}

interface Running {
  readonly done: Promise<void>;
  readonly listeners: Set<Report>;
  readonly stop: AbortController;
  /** The first report for an additional caller. */
  last: Progress | undefined;
}

/** Each blob is fetched once, however many pulls want it at the same time. */
export class Downloads {
  readonly #running = new Map<Digest, Running>();

  /**
   * Downloads a blob, or joins a download in progress. The download ends when no caller waits for it; a caller that
   * cancels does not stop the others.
   */
  async once(
    digest: Digest,
    signal: AbortSignal,
    report: Report,
    work: (shared: SharedWork) => Promise<void>,
  ): Promise<void> {
    const running = this.#running.get(digest) ?? this.#begin(digest, work);
    running.listeners.add(report);
    if (running.last !== undefined) report(running.last);
    const left = Promise.withResolvers<never>();
    const onAbort = (): void => left.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      await Promise.race([running.done, left.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      running.listeners.delete(report);
      if (running.listeners.size === 0) {
        running.stop.abort(signal.reason);
        // Its files are free for the next one only then.
        await running.done.catch(() => undefined);
      }
    }
  }

  #begin(digest: Digest, work: (shared: SharedWork) => Promise<void>): Running {
    const stop = new AbortController();
    const listeners = new Set<Report>();
    const report: Report = (progress) => {
      running.last = progress;
      for (const listener of listeners) listener(progress);
    };
    // In the next tick, after the caller has added its listener.
    const done = Promise.resolve().then(() => work({ report, signal: stop.signal }));
    const running: Running = {
      listeners,
      stop,
      last: undefined,
      done: done.finally(() => this.#running.delete(digest)),
    };
    running.done.catch(() => undefined); // callers that wait for it receive the error
    this.#running.set(digest, running);
    return running;
  }
}
