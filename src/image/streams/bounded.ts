/**
 * Runs `work` for each item, at most `limit` at a time. The first failure stops the rest: no other begins, the
 * signal given to those that run is aborted, and it is thrown when they have ended.
 */
export async function forEachBounded<T>(
  items: Iterable<T>,
  { limit, signal }: { readonly limit: number; readonly signal?: AbortSignal | undefined },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const waiting = [...items];
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && failures.length === 0; item = waiting.shift()) {
      try {
        both.throwIfAborted();
        await work(item, both);
      } catch (thrown) {
        failures.push(thrown);
        stop.abort(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, lane));
  if (failures.length > 0) throw failures[0];
}
