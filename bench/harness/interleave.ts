export interface Rounds {
  readonly iterations: number;
  readonly warmups: number;
  /** Looked at before each sample. */
  readonly signal: AbortSignal;
}

/**
 * Takes one sample of each subject in turn, so that other load on the machine affects all subjects alike. Each round
 * starts with another subject, so that no subject always follows the same one. Returns the samples without those of the
 * warm-up.
 */
export async function interleave<T>(
  subjects: readonly T[],
  { iterations, warmups, signal }: Rounds,
  sample: (subject: T) => number | Promise<number>,
): Promise<readonly { readonly subject: T; readonly samples: readonly number[] }[]> {
  const series = subjects.map((subject) => ({ subject, samples: [] as number[] }));
  for (let round = -warmups; round < iterations; round++) {
    for (let step = 0; step < series.length; step++) {
      const at = (round + warmups + step) % series.length;
      const one = series[at];
      if (one === undefined) continue;
      // A turn of the event loop: spawnSync leaves none, and Ctrl-C would wait for the end of the row.
      await Bun.sleep(0);
      signal.throwIfAborted();
      const value = await sample(one.subject);
      if (round >= 0) one.samples.push(value);
    }
  }
  return series;
}
