import { runInBackground, runTimed } from "../harness/command.ts";
import { startContainer } from "../harness/docker-api.ts";
import { interleave } from "../harness/interleave.ts";
import { memoryOf, steadyAvailableKb } from "../harness/process.ts";
import type { Result } from "../harness/result.ts";
import { summarize } from "../harness/statistics.ts";
import { atOnce, inParallel } from "./parallel.ts";
import { type Bench, figures, type Row, type WithContainers, withContainers } from "./row.ts";

/** The cost of a hundred containers together: to start, to keep, to list, to remove. */
export const crowd: Row = {
  name: "crowd",
  about: "100 containers: starts a second, memory of each, ps, start beside them, rm -f",
  async measure(bench) {
    const engines = withContainers(bench.engines);
    const size = bench.isQuick ? 20 : 100;
    const samples = new Samples();
    const psRounds = { iterations: bench.isQuick ? 3 : 20, warmups: 1, signal: bench.signal };
    const ps = ({ containers }: WithContainers): number => runTimed(containers.command("ps")).ms;
    const alone = await interleave(engines, psRounds, ps);
    const runAlone = await interleave(engines, psRounds, (engine) => runTimed(engine.runTrue()).ms);
    let among: typeof alone = [];
    let runAmong: typeof alone = [];
    for (let round = 0; round < (bench.isQuick ? 1 : 3); round++) {
      for (const engine of engines) await gather(bench, { engine, size, samples });
      if (round === 0) {
        among = await interleave(engines, psRounds, ps);
        runAmong = await interleave(engines, psRounds, (engine) => runTimed(engine.runTrue()).ms);
      }
      for (const engine of engines) await disperse(bench, { engine, size, samples });
      for (const engine of engines) await startByApi(bench, { engine, size, samples });
    }
    const of = (series: typeof alone): Result["figures"] =>
      figures(series.map((one) => [one.subject, one.samples]));
    const line = (row: string, unit: Result["unit"], budget?: number): Result => ({
      row,
      unit,
      better: unit === "/s" ? "more" : "less",
      ...(budget === undefined ? {} : { budget }),
      figures: samples.of(row, engines),
    });
    return [
      line(rows.rate, "/s"),
      line(rows.apiRate, "/s", 150),
      line(rows.keeper, "KB", 64),
      line(rows.machine, "MB", 0.5),
      line(rows.answered, "ms"),
      line(rows.settled, "ms", 500),
      { row: "ps, one running", unit: "ms", better: "less", figures: of(alone) },
      { row: `ps, ${size + 1} running`, unit: "ms", better: "less", budget: 15, figures: of(among) },
      { row: "run --rm beside one running", unit: "ms", better: "less", figures: of(runAlone) },
      { row: `run --rm beside ${size + 1} running`, unit: "ms", better: "less", figures: of(runAmong) },
      {
        row: `the same, ${size + 1} to one running`,
        unit: "×",
        better: "less",
        budget: 1.3,
        figures: figures(runAmong.map((among, i) => [among.subject, [quotient(among, runAlone[i])]])),
      },
    ];
  },
};

const rows = {
  rate: `starts a second, ${atOnce} at once, command line`,
  apiRate: `starts a second, ${atOnce} at once, API`,
  keeper: "private memory for an idle container",
  machine: "whole machine's memory a container",
  answered: "rm -f of them all, answered",
  settled: "rm -f of them all, settled",
} as const;

interface Series {
  readonly samples: readonly number[];
}

function quotient(above: Series, below: Series | undefined): number {
  return summarize(above.samples).median / summarize(below?.samples ?? []).median;
}

class Samples {
  readonly #samples = new Map<string, number[]>();

  add(row: string, { name }: WithContainers, value: number): void {
    const key = `${row}\0${name}`;
    this.#samples.set(key, [...(this.#samples.get(key) ?? []), value]);
  }

  of(row: string, engines: readonly WithContainers[]): Result["figures"] {
    return figures(engines.map((engine) => [engine, this.#samples.get(`${row}\0${engine.name}`) ?? []]));
  }
}

interface Part {
  readonly engine: WithContainers;
  readonly size: number;
  readonly samples: Samples;
}

/** Starts them by the command line and weighs them. */
async function gather({ signal, say }: Bench, { engine, size, samples }: Part): Promise<void> {
  const { containers } = engine;
  say(`${engine.name}: starting ${size} containers`);
  const keepersBefore = memoryOf(containers.keeperPids()).privateKb;
  const availableBefore = await steadyAvailableKb();
  const begun = performance.now();
  await inParallel(size, signal, async () => {
    await runInBackground(containers.runDetached([], "sleep", "1000000"));
  });
  samples.add(rows.rate, engine, size / ((performance.now() - begun) / 1000));
  samples.add(rows.machine, engine, (availableBefore - (await steadyAvailableKb())) / size / 1024);
  const keepers = memoryOf(containers.keeperPids()).privateKb - keepersBefore;
  samples.add(rows.keeper, engine, keepers / size);
}

/** Removes all but the one that was there before, in one command. */
async function disperse({ signal, say }: Bench, { engine, size, samples }: Part): Promise<void> {
  const { containers } = engine;
  signal.throwIfAborted();
  say(`${engine.name}: removing ${size} containers`);
  const ids = runTimed(containers.command("ps", "-q"), { capture: true }).stdout.split("\n").filter(Boolean);
  // The newest come first; the last is the one for exec.
  const begun = performance.now();
  runTimed(containers.remove(...ids.slice(0, size)));
  const answered = performance.now() - begun;
  await containers.settle();
  samples.add(rows.answered, engine, answered);
  samples.add(rows.settled, engine, performance.now() - begun);
}

/** The engine's own rate: a command line's start-up costs a processor as much as the container does. */
async function startByApi({ signal, say }: Bench, { engine, size, samples }: Part): Promise<void> {
  const { containers } = engine;
  const { socketPath, image } = containers;
  if (socketPath === undefined) return;
  say(`${engine.name}: starting ${size} containers by the API`);
  const begun = performance.now();
  const ids: string[] = [];
  await inParallel(size, signal, async () => {
    ids.push((await startContainer(socketPath, { image, command: ["sleep", "1000000"] })).id);
  });
  samples.add(rows.apiRate, engine, size / ((performance.now() - begun) / 1000));
  runTimed(containers.remove(...ids));
  await containers.settle();
}
