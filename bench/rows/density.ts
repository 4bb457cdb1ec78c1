import { runInBackground, runTimed } from "../harness/command.ts";
import { interleave } from "../harness/interleave.ts";
import { memoryOf, steadyAvailableKb } from "../harness/process.ts";
import type { Result } from "../harness/result.ts";
import { summarize } from "../harness/statistics.ts";
import { inParallel } from "./parallel.ts";
import { type Bench, figures, type Row, type WithContainers, withContainers } from "./row.ts";

/** The samples of one engine, one or more of each kind. */
interface Seen {
  readonly engine: WithContainers;
  readonly seconds: number;
  readonly machineMb: number;
  readonly keeperKb: number;
  readonly serverMb: number;
  readonly ps: readonly number[];
  readonly stats: readonly number[];
  readonly run: readonly number[];
  readonly runAlone: readonly number[];
  readonly removed: number;
}

/** Many idle containers on one machine, an engine after the other: what each costs, and what they cost the next one. */
export const density: Row = {
  name: "density",
  about: "500 idle containers: memory of each, ps, stats of all, a start beside them",
  onlyByName: true,
  async measure(bench) {
    const size = bench.isQuick ? 50 : 500;
    const all: Seen[] = [];
    for (const engine of withContainers(bench.engines)) all.push(await crowdOf(bench, engine, size));
    const one = (pick: (seen: Seen) => number): Result["figures"] =>
      figures(all.map((seen) => [seen.engine, [pick(seen)]]));
    const many = (pick: (seen: Seen) => readonly number[]): Result["figures"] =>
      figures(all.map((seen) => [seen.engine, pick(seen)]));
    const median = (samples: readonly number[]): number => summarize(samples).median;
    return [
      {
        row: `starting ${size}, 8 at once, command line`,
        unit: "ms",
        better: "less",
        figures: one((seen) => seen.seconds * 1000),
      },
      {
        row: `whole machine's memory a container, ${size}`,
        unit: "MB",
        better: "less",
        budget: 0.5,
        figures: one((seen) => seen.machineMb),
      },
      {
        row: `private memory for an idle container, ${size}`,
        unit: "KB",
        better: "less",
        budget: 64,
        figures: one((seen) => seen.keeperKb),
      },
      {
        row: `daemon, RSS, ${size} running`,
        unit: "MB",
        better: "less",
        figures: one((seen) => seen.serverMb),
      },
      { row: `ps, ${size} running`, unit: "ms", better: "less", figures: many((seen) => seen.ps) },
      {
        row: `stats --no-stream of ${size}`,
        unit: "ms",
        better: "less",
        figures: many((seen) => seen.stats),
      },
      { row: "run --rm beside none", unit: "ms", better: "less", figures: many((seen) => seen.runAlone) },
      { row: `run --rm beside ${size}`, unit: "ms", better: "less", figures: many((seen) => seen.run) },
      {
        row: `the same, ${size} to none`,
        unit: "×",
        better: "less",
        budget: 1.3,
        figures: one((seen) => median(seen.run) / median(seen.runAlone)),
      },
      { row: `rm -f of ${size}, settled`, unit: "ms", better: "less", figures: one((seen) => seen.removed) },
    ];
  },
};

async function crowdOf(bench: Bench, engine: WithContainers, size: number): Promise<Seen> {
  const { containers } = engine;
  const { signal, say, isQuick } = bench;
  const series = async (iterations: number, measure: () => number): Promise<readonly number[]> => {
    const [only] = await interleave([engine], { iterations, warmups: 1, signal }, measure);
    return only?.samples ?? [];
  };
  const few = isQuick ? 3 : 5;
  const some = isQuick ? 3 : 20;
  const run = (): Promise<readonly number[]> => series(some, () => runTimed(engine.runTrue()).ms);
  const runAlone = await run();
  const keepersBefore = memoryOf(containers.keeperPids()).privateKb;
  const availableBefore = await steadyAvailableKb();
  say(`${engine.name}: starting ${size} containers`);
  const begun = performance.now();
  await inParallel(size, signal, async () => {
    await runInBackground(containers.runDetached([], "sleep", "1000000"));
  });
  const seconds = (performance.now() - begun) / 1000;
  const machineMb = (availableBefore - (await steadyAvailableKb())) / size / 1024;
  const keeperKb = (memoryOf(containers.keeperPids()).privateKb - keepersBefore) / size;
  say(`${engine.name}: ${size} are running`);
  const ps = await series(some, () => runTimed(containers.command("ps")).ms);
  const stats = await series(few, () => runTimed(containers.command("stats", "--no-stream")).ms);
  const loaded = await run();
  const serverMb = memoryOf(containers.serverPids()).rssKb / 1024;
  const ids = runTimed(containers.command("ps", "-q"), { capture: true }).stdout.split("\n").filter(Boolean);
  say(`${engine.name}: removing ${size} containers`);
  const removal = performance.now();
  // The newest come first; the last is the one for exec.
  runTimed(containers.remove(...ids.slice(0, size)));
  await containers.settle();
  const removed = performance.now() - removal;
  return { engine, seconds, machineMb, keeperKb, serverMb, ps, stats, run: loaded, runAlone, removed };
}
