import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTimed } from "../harness/command.ts";
import { interleave } from "../harness/interleave.ts";
import { figures, type Row, type WithContainers, withContainers } from "./row.ts";

const lineBytes = 100;
const outputBytes = 200e6;
const lastLine = "this is the last line";

/**
 * From the spawn of `run -d` until `logs --tail 1` gives the last line of 200 MB; the logs' settings are each engine's
 * own.
 */
export const logs: Row = {
  name: "logs",
  about: "200 MB of output until the last line is readable in logs",
  async measure({ engines, directory, isQuick, signal }) {
    const file = join(directory, "output.txt");
    writeFileSync(file, Buffer.alloc(outputBytes, `${"x".repeat(lineBytes - 1)}\n`));
    const rounds = { iterations: isQuick ? 1 : 5, warmups: isQuick ? 0 : 1, signal };
    const series = await interleave(withContainers(engines), rounds, (engine) => writeAndRead(engine, file));
    return [
      {
        row: "200 MB of output until readable in logs",
        unit: "ms",
        better: "less",
        budget: 600,
        figures: figures(series.map(({ subject, samples }) => [subject, samples])),
      },
    ];
  },
};

async function writeAndRead({ containers }: WithContainers, file: string): Promise<number> {
  const begun = performance.now();
  const print = `cat /output.txt; echo ${lastLine}`;
  const command = containers.runDetached(["-v", `${file}:/output.txt:ro`], "sh", "-c", print);
  const id = runTimed(command, { capture: true }).stdout.trim();
  runTimed(containers.command("wait", id));
  let ms = 0;
  for (let found = false; !found; ) {
    const { stdout } = runTimed(containers.command("logs", "--tail", "1", id), { capture: true });
    ms = performance.now() - begun;
    found = stdout.trim() === lastLine;
    if (!found && ms > 60_000)
      throw new Error(`cannot find the last line in the log of ${id}: "${stdout.slice(0, 200)}"`);
  }
  runTimed(containers.remove(id));
  await containers.settle();
  return ms;
}
