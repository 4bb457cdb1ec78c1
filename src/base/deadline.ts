import { Failure } from "./failure.ts";

export interface Waiting {
  readonly signal?: AbortSignal | undefined;
}

/** The Failure for a wait that its caller gave up; a Failure given as the reason is kept. */
export function canceled(signal: AbortSignal, what = "wait"): Failure {
  if (signal.reason instanceof Failure) return signal.reason;
  return new Failure("canceled", `cannot ${what}: it was canceled`, { cause: signal.reason });
}

/** Resolves after `ms`; rejects with Failure("canceled") at once when the signal fires. */
export function sleep(ms: number, { signal }: Waiting = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(canceled(signal));
    const onAbort = (): void => {
      clearTimeout(timer);
      if (signal !== undefined) reject(canceled(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Runs `work` for at most `ms`: after that its signal fires and the result is Failure("deadline"),
 * `cannot <what> within 5 s`. `work` gets the signal and must stop by it; its late result is dropped.
 */
export async function withDeadline<T>(
  ms: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
  { signal }: Waiting = {},
): Promise<T> {
  if (signal?.aborted === true) throw canceled(signal, what);
  const inner = new AbortController();
  const stopped = Promise.withResolvers<never>();
  const stop = (failure: Failure): void => {
    stopped.reject(failure);
    inner.abort(failure);
  };
  const onAbort = (): void => {
    if (signal !== undefined) stop(canceled(signal, what));
  };
  const timer = setTimeout(() => stop(new Failure("deadline", `cannot ${what} within ${ms / 1000} s`)), ms);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(inner.signal), stopped.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

export interface PollOptions extends Waiting {
  readonly everyMs?: number | undefined;
  readonly timeoutMs: number;
  /** Ends the sentence `cannot <what> within …`. */
  readonly what: string;
}

/** Calls `find` until it gives something other than undefined; Failure("deadline") when time is up. */
export async function poll<T>(
  find: () => T | undefined | Promise<T | undefined>,
  { everyMs = 5, timeoutMs, what, signal }: PollOptions,
): Promise<T> {
  return await withDeadline(
    timeoutMs,
    what,
    async (inner) => {
      for (;;) {
        const found = await find();
        if (found !== undefined) return found;
        await sleep(everyMs, { signal: inner });
      }
    },
    { signal },
  );
}
