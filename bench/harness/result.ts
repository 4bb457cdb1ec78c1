import type { EngineName } from "../engines/engine.ts";
import { type Summary, summarize } from "./statistics.ts";

export type Unit = "ms" | "s" | "/s" | "MB/s" | "KB" | "MB" | "×" | "count";

/** One line of the table. */
export interface Result {
  readonly row: string;
  readonly unit: Unit;
  /** More is better only of rates. */
  readonly better: "less" | "more";
  /** The budget that Tare must reach. */
  readonly budget?: number;
  readonly figures: Readonly<Partial<Record<EngineName, Figure>>>;
}

export interface Figure extends Summary {
  readonly samples: readonly number[];
}

export function figureOf(samples: readonly number[]): Figure {
  return { ...summarize(samples), samples: samples.map((sample) => Math.round(sample * 1000) / 1000) };
}

/** Tare's median against the budget; undefined where there is none, or tare was not measured. */
export function meetsBudget({ budget, better, figures: { tare } }: Result): boolean | undefined {
  if (budget === undefined || tare === undefined) return undefined;
  return better === "less" ? tare.median <= budget : tare.median >= budget;
}
