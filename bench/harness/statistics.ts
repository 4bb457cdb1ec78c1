export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p90: number;
}

/** Throws when there are no samples: a row without measurements is not a row. */
export function summarize(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new Error("cannot summarize: there are no samples");
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    min: quantile(sorted, 0),
    median: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
  };
}

/** Between two samples it is interpolated. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
