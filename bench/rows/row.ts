import type { Bed, Containers, Engine } from "../engines/engine.ts";
import { interleave } from "../harness/interleave.ts";
import { figureOf, type Result } from "../harness/result.ts";

/** The tools that a case measures with. */
export interface Bench {
  readonly bed: Bed;
  readonly engines: readonly Engine[];
  /** Of Tare's storage drivers, for the row that compares them. */
  readonly drivers: readonly string[];
  readonly directory: string;
  readonly isQuick: boolean;
  readonly signal: AbortSignal;
  /** Prints a progress message. */
  readonly say: (what: string) => void;
}

export interface Row {
  readonly name: string;
  readonly about: string;
  /** Takes so long, or so much of the machine, that it is measured only when it is named. */
  readonly onlyByName?: boolean;
  /** The engines have their bridges and firewalls: the whole bench is then in a network namespace of its own. */
  readonly ownNetwork?: boolean;
  measure(bench: Bench): Promise<readonly Result[]>;
}

export interface WithContainers extends Engine {
  readonly containers: Containers;
}

/** Those with images, names and Docker's command line. */
export function withContainers(engines: readonly Engine[]): readonly WithContainers[] {
  return engines.filter((engine): engine is WithContainers => engine.containers !== undefined);
}

/** The figures of a row from samples that belong to engines; one without a sample is left out. */
export function figures(series: Iterable<readonly [Engine, readonly number[]]>): Result["figures"] {
  return Object.fromEntries(
    [...series]
      .filter(([, samples]) => samples.length > 0)
      .map(([{ name }, samples]) => [name, figureOf(samples)]),
  );
}

/** One line of the table: the milliseconds that each subject takes, in turn, after one to warm up. */
export async function timedLine<Subject>(
  { isQuick, signal }: Pick<Bench, "isQuick" | "signal">,
  {
    name,
    count,
    budget,
    subjects,
    engineOf,
    sample,
  }: {
    readonly name: string;
    readonly count: number;
    readonly budget?: number | undefined;
    readonly subjects: readonly Subject[];
    readonly engineOf: (subject: Subject) => Engine;
    readonly sample: (subject: Subject) => number | Promise<number>;
  },
): Promise<Result> {
  const series = await interleave(subjects, { iterations: isQuick ? 2 : count, warmups: 1, signal }, sample);
  return {
    row: name,
    unit: "ms",
    better: "less",
    ...(budget === undefined ? {} : { budget }),
    figures: figures(series.map(({ subject, samples }) => [engineOf(subject), samples])),
  };
}
