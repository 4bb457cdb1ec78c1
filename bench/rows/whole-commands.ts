import type { Engine } from "../engines/engine.ts";
import { runTimed } from "../harness/command.ts";
import { interleave } from "../harness/interleave.ts";
import type { Result } from "../harness/result.ts";
import { type Bench, figures, type Row } from "./row.ts";

/** What a person waits for: from the command's spawn to its end. */
export const run: Row = {
  name: "run",
  about: "run --rm --network none IMAGE true, the whole command",
  measure: async (bench) => [
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
