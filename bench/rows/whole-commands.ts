import type { Engine } from "../engines/engine.ts";
import { findProgram, runTimed } from "../harness/command.ts";
import { interleave } from "../harness/interleave.ts";
import type { Result } from "../harness/result.ts";
import { type Bench, figures, type Row } from "./row.ts";

/** The whole time of a command: from its spawn to its end. */
export const run: Row = {
  name: "run",
  about: "run --rm --network none IMAGE true, the whole command",
  measure: async (bench) => [
    await measureSpawn(bench),
    await measureCommand(bench, {
      row: "run --rm --network none IMAGE true",
      budget: 20,
      command: (engine) => engine.runTrue(),
    }),
  ],
};

export const exec: Row = {
  name: "exec",
  about: "exec CONTAINER true, the whole command",
  measure: async (bench) => [
    await measureCommand(bench, {
      row: "exec CONTAINER true",
      budget: 15,
      command: (engine) => engine.execTrue(),
    }),
  ],
};

/** The cost of a command that does nothing, including this program's own spawn and wait: part of every figure here. */
async function measureSpawn({ engines, isQuick, signal }: Bench): Promise<Result> {
  const floors = engines.filter(({ name }) => name === "floor");
  const rounds = { iterations: isQuick ? 5 : 40, warmups: 3, signal };
  const program = findProgram("true") ?? "true";
  const series = await interleave(floors, rounds, () => runTimed([program]).ms);
  return {
    row: "true on the host, the whole command",
    unit: "ms",
    better: "less",
    figures: figures(series.map(({ subject, samples }) => [subject, samples])),
  };
}

interface Measured {
  readonly row: string;
  readonly budget: number;
  readonly command: (engine: Engine) => readonly string[];
}

async function measureCommand(
  { engines, isQuick, signal }: Bench,
  { row, budget, command }: Measured,
): Promise<Result> {
  const rounds = { iterations: isQuick ? 5 : 40, warmups: isQuick ? 1 : 3, signal };
  const series = await interleave(engines, rounds, (engine) => runTimed(command(engine)).ms);
  return {
    row,
    unit: "ms",
    better: "less",
    budget,
    figures: figures(series.map(({ subject, samples }) => [subject, samples])),
  };
}
