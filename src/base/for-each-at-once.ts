/**
 * Calls `work` for each item, in order, with at most `atOnce` calls at a time. Resolves when all have ended. When a
 * call throws, it rejects at once, and the calls that are open go on.
 */
export async function forEachAtOnce<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const remaining = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of remaining) await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
