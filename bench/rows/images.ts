import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  type BuiltLayer,
  buildFromHost,
  buildOfSmallFiles,
  chooseFiles,
  listHostFiles,
} from "../harness/built-layer.ts";
import { runInBackground, runTimed } from "../harness/command.ts";
import { interleave } from "../harness/interleave.ts";
import { forgetPeak, peakOf } from "../harness/process.ts";
import { hasRegistry, type Registry, startRegistry } from "../harness/registry.ts";
import type { Result } from "../harness/result.ts";
import { type Bench, figures, type Row, type WithContainers, withContainers } from "./row.ts";

/** Images on their way: from and to a registry on the loopback, in and out of archives, and gone. */
export const images: Row = {
  name: "images",
  about: "pull of large and many layers, push, save, load, rmi; the API and the memory meanwhile",
  onlyByName: true,
  async measure(bench) {
    if (!hasRegistry()) {
      bench.say("images: not installed: apt-get install docker-registry");
      return [];
    }
    const directory = join(bench.directory, "images");
    mkdirSync(directory);
    await using registry = await startRegistry(join(directory, "registry"));
    bench.say("images: building layers of this machine's files: a minute or two");
    const names = await fill(registry, directory, bench.isQuick ? 10 : 1);
    const measuring = new Measuring(bench, registry);
    const results = [
      ...(await measuring.pulls(names.one, { budget: 2500 })),
      ...(await measuring.pulls(names.many)),
      ...(await measuring.pulls(names.small)),
      ...(await measuring.pulls(names.other, { other: names.many })),
      ...(await measuring.archives(names.one, directory)),
      ...(await measuring.pushes(names.one, directory)),
      ...measuring.memory(),
    ];
    rmSync(directory, { recursive: true, force: true });
    return results;
  },
};

const listing = "  list of containers by the API meanwhile";

interface Placed {
  readonly repository: string;
  readonly about: string;
}

async function fill(
  registry: Registry,
  directory: string,
  share: number,
): Promise<Readonly<Record<"one" | "many" | "small" | "other", Placed>>> {
  const host = listHostFiles();
  const mb = (layers: readonly BuiltLayer[]): string =>
    `${Math.round(layers.reduce((sum, { tarBytes }) => sum + tarBytes, 0) / layers.length / 1e6)} MB`;
  const large = await buildFromHost(
    join(directory, "large.gz"),
    chooseFiles(host, { count: Math.round(9463 / share), bytes: 738e6 / share }),
  );
  const layers: BuiltLayer[] = [];
  for (let at = 0; at < 21; at++) {
    const files = chooseFiles(
      host.filter((_, index) => index % 21 === at),
      { count: Math.round(600 / share), bytes: 30e6 / share },
    );
    layers.push(await buildFromHost(join(directory, `layer-${at}.gz`), files));
  }
  const small = await buildOfSmallFiles(join(directory, "small.gz"), Math.round(100_000 / share));
  const place = async (repository: string, of: readonly BuiltLayer[], about: string): Promise<Placed> => {
    await registry.place(repository, of);
    return { repository, about };
  };
  const placed = {
    one: await place("one", [large], `one layer of ${mb([large])}, ${large.files} files`),
    many: await place("many", layers.slice(0, 20), `20 layers of ${mb(layers)}`),
    small: await place("small", [small], `one layer of ${small.files} small files`),
    other: await place("other", layers.slice(1), `20 layers of ${mb(layers)}, 19 of them there`),
  };
  for (const { path } of [large, small, ...layers]) rmSync(path);
  return placed;
}

class Measuring {
  readonly #bench: Bench;
  readonly #registry: Registry;
  readonly #engines: readonly WithContainers[];
  readonly #peaks = new Map<string, Map<WithContainers, number[]>>();

  constructor(bench: Bench, registry: Registry) {
    this.#bench = bench;
    this.#registry = registry;
    this.#engines = withContainers(bench.engines);
  }

  /** Of an image that is not there; `beside`: one that is. Then its removal. */
  async pulls(
    { repository, about }: Placed,
    { budget, other }: { readonly budget?: number; readonly other?: Placed } = {},
  ): Promise<readonly Result[]> {
    this.#bench.say(`images: pull of ${about}`);
    const name = this.#nameOf(repository);
    if (other !== undefined)
      for (const engine of this.#engines) this.#pull(engine, this.#nameOf(other.repository));
    const lists = new Map<WithContainers, number[]>();
    const removals = new Map<WithContainers, number[]>();
    const series = await this.#interleave(async (engine) => {
      const { containers } = engine;
      const ms = await this.#weighed(engine, "pull", () =>
        this.#listed(engine, { lists, command: this.#pullCommand(engine, name) }),
      );
      add(removals, engine, [runTimed(containers.command("rmi", "-f", name)).ms]);
      await containers.settle();
      return ms;
    });
    if (other !== undefined) {
      for (const { containers } of this.#engines) {
        runTimed(containers.command("rmi", "-f", this.#nameOf(other.repository)));
        await containers.settle();
      }
    }
    return [
      line(`pull, ${about}`, series, budget),
      line(listing, [...lists], 20),
      line("  rmi of it, answered", [...removals]),
    ];
  }

  async archives({ repository, about }: Placed, directory: string): Promise<readonly Result[]> {
    const name = this.#nameOf(repository);
    for (const engine of this.#engines) this.#pull(engine, name);
    const [first] = this.#engines;
    if (first === undefined) return [];
    this.#bench.say(`images: save and load of ${about}`);
    const saveLists = new Map<WithContainers, number[]>();
    const loadLists = new Map<WithContainers, number[]>();
    const saved = await this.#interleave(async (engine) => {
      const path = join(directory, `${engine.name}.tar`);
      rmSync(path, { force: true });
      const command = engine.containers.command("save", "-o", path, name);
      return await this.#weighed(engine, "save", () => this.#listed(engine, { lists: saveLists, command }));
    });
    // The same archive for all, or what each packs would be measured.
    const archive = join(directory, `${first.name}.tar`);
    const loaded = await this.#interleave(async (engine) => {
      const { containers } = engine;
      runTimed(containers.command("rmi", "-f", name));
      await containers.settle();
      const command = containers.command("load", "-q", "-i", archive);
      return await this.#weighed(engine, "load", () => this.#listed(engine, { lists: loadLists, command }));
    });
    return [
      line(`save, ${about}`, saved),
      line(listing, [...saveLists], 20),
      line(`load of what ${first.name} saved, ${about}`, loaded),
      line(listing, [...loadLists], 20),
    ];
  }

  /** Each time into a registry that has nothing. */
  async pushes({ repository, about }: Placed, directory: string): Promise<readonly Result[]> {
    this.#bench.say(`images: push of ${about}`);
    const name = this.#nameOf(repository);
    let count = 0;
    const lists = new Map<WithContainers, number[]>();
    const series = await this.#interleave(async (engine) => {
      const { containers } = engine;
      await using target = await startRegistry(join(directory, `target-${count++}`));
      const pushed = `${target.host}/${repository}:latest`;
      runTimed(containers.command("tag", name, pushed));
      const flags = containers.registryFlags ?? [];
      const command = containers.command("push", "-q", ...flags, pushed);
      const ms = await this.#weighed(engine, "push", () => this.#listed(engine, { lists, command }));
      runTimed(containers.command("rmi", pushed));
      return ms;
    });
    for (const { containers } of this.#engines) runTimed(containers.command("rmi", "-f", name));
    return [line(`push, ${about}`, series), line(listing, [...lists], 20)];
  }

  /** The most that the servers took while they did it. */
  memory(): readonly Result[] {
    return [...this.#peaks].map(([what, peaks]) => ({
      row: `servers, highest RSS during ${what}`,
      unit: "MB" as const,
      better: "less" as const,
      budget: 200,
      figures: figures(peaks),
    }));
  }

  #interleave(
    sample: (engine: WithContainers) => Promise<number>,
  ): Promise<readonly (readonly [WithContainers, readonly number[]])[]> {
    const { isQuick, signal } = this.#bench;
    const rounds = { iterations: isQuick ? 1 : 3, warmups: 0, signal };
    return interleave(this.#engines, rounds, sample).then((series) =>
      series.map(({ subject, samples }) => [subject, samples] as const),
    );
  }

  /** How long the command takes, and meanwhile the list of containers. */
  async #listed(
    engine: WithContainers,
    {
      lists,
      command,
    }: { readonly lists: Map<WithContainers, number[]>; readonly command: readonly string[] },
  ): Promise<number> {
    const begun = performance.now();
    const running = runInBackground(command).then(() => performance.now() - begun);
    add(lists, engine, await listUntil(running, engine.containers.socketPath));
    return await running;
  }

  async #weighed(engine: WithContainers, what: string, work: () => Promise<number>): Promise<number> {
    const pids = engine.containers.serverPids();
    if (pids.length === 0) return await work();
    forgetPeak(pids);
    const ms = await work();
    const peaks = this.#peaks.get(what) ?? new Map<WithContainers, number[]>();
    this.#peaks.set(what, peaks);
    add(peaks, engine, [peakOf(pids) / 1024]);
    return ms;
  }

  #pull(engine: WithContainers, name: string): void {
    runTimed(this.#pullCommand(engine, name));
  }

  #pullCommand({ containers }: WithContainers, name: string): readonly string[] {
    return containers.command("pull", "-q", ...(containers.registryFlags ?? []), name);
  }

  #nameOf(repository: string): string {
    return `${this.#registry.host}/${repository}:latest`;
  }
}

/** The time to list the running containers, repeated until the work is done. */
async function listUntil(work: Promise<unknown>, socketPath: string | undefined): Promise<readonly number[]> {
  const samples: number[] = [];
  if (socketPath === undefined) return samples;
  let isDone = false;
  const done = work.finally(() => (isDone = true)).catch(() => undefined);
  while (!isDone) {
    const begun = performance.now();
    await (await fetch("http://engine/v1.41/containers/json", { unix: socketPath })).arrayBuffer();
    samples.push(performance.now() - begun);
    await Promise.race([Bun.sleep(50), done]);
  }
  return samples;
}

function add(to: Map<WithContainers, number[]>, engine: WithContainers, samples: readonly number[]): void {
  to.set(engine, [...(to.get(engine) ?? []), ...samples]);
}

function line(
  row: string,
  series: readonly (readonly [WithContainers, readonly number[]])[],
  budget?: number,
): Result {
  return {
    row,
    unit: "ms",
    better: "less",
    ...(budget === undefined ? {} : { budget }),
    figures: figures(series),
  };
}
