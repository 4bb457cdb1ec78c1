/** Does the work `count` times, by eight workers at once. */
export async function inParallel(
  count: number,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      signal.throwIfAborted();
      await work();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

export const atOnce = 8;
