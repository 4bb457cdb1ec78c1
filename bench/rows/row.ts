import type { Bed, Containers, Engine } from "../engines/engine.ts";
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
