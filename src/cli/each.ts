import { Failure, sentenceOf } from "../base/failure.ts";
import { forEachAtOnce } from "../base/for-each-at-once.ts";
import type { Call } from "./command.ts";
import { silentFailure } from "./flags/flag.ts";

/** How many containers one command acts on at the same time, as in Docker's client. */
export const containersAtOnce = 50;

/** The output for a reference: one line, and possibly a line on standard error before it. */
export type Printed = string | { readonly out: string; readonly err: string };

export interface Pace {
  /** How many references are worked on at the same time. */
  readonly atOnce?: number | undefined;
  /** A rank for each reference: work begins when all of lower rank have ended. Missing ones are 0. */
  readonly ranks?: readonly number[] | undefined;
}

type Outcome = { readonly printed: Printed } | { readonly thrown: unknown };

/**
 * Does the same for each reference and prints in the order of the arguments, as Docker does: lines of those that
 * succeed, errors of those that fail. One failure does not stop the others. Status 1 when one failed.
 */
export async function forEachReference(
  call: Call<unknown>,
  work: (reference: string) => Promise<Printed>,
  { atOnce = 1, ranks = [] }: Pace = {},
): Promise<number> {
  const { positional, signal } = call;
  const outcomes = positional.map(() => Promise.withResolvers<Outcome>());
  let isOver = false;
  const attempt = async (index: number): Promise<void> => {
    if (isOver || signal.aborted) return outcomes[index]?.resolve({ thrown: silentFailure(141) });
    try {
      outcomes[index]?.resolve({ printed: await work(positional[index] ?? "") });
    } catch (thrown) {
      isOver ||= !isFromDaemon(thrown);
      outcomes[index]?.resolve({ thrown });
    }
  };
  const attemptAll = async (): Promise<void> => {
    for (const indexes of groupByRank(positional.length, ranks))
      await forEachAtOnce(indexes, atOnce, attempt);
  };
  void attemptAll();
  let hasFailed = false;
  for (const { promise } of outcomes) {
    const outcome = await promise;
    if (signal.aborted) throw silentFailure(141);
    if ("printed" in outcome) {
      print(call, outcome.printed);
      continue;
    }
    // A daemon that cannot be reached fails for each: reported once.
    if (!isFromDaemon(outcome.thrown)) throw outcome.thrown;
    call.err(`tare: ${sentenceOf(outcome.thrown)}\n`);
    hasFailed = true;
  }
  return hasFailed ? 1 : 0;
}

function isFromDaemon(thrown: unknown): boolean {
  return thrown instanceof Failure && thrown.details.fromDaemon === true;
}

function print(call: Call<unknown>, printed: Printed): void {
  const { out, err } = typeof printed === "string" ? { out: printed, err: "" } : printed;
  if (err !== "") call.err(`${err}\n`);
  call.out(`${out}\n`);
}

/** The indexes of each rank, lowest rank first. */
function groupByRank(count: number, ranks: readonly number[]): readonly (readonly number[])[] {
  const groups = Map.groupBy(Array.from({ length: count }).keys(), (index) => ranks[index] ?? 0);
  return [...groups].toSorted(([a], [b]) => a - b).map(([, indexes]) => indexes);
}
