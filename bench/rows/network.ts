import type { Engine } from "../engines/engine.ts";
import { runTimed } from "../harness/command.ts";
import { interleave } from "../harness/interleave.ts";
import { makeVethPair, measureLookups, measureThroughput } from "../harness/network.ts";
import type { Result, Unit } from "../harness/result.ts";
import { summarize } from "../harness/statistics.ts";
import { inParallel } from "./parallel.ts";
import { type Bench, figures, type Row, type WithContainers, withContainers } from "./row.ts";

type Series = readonly { readonly subject: Engine; readonly samples: readonly number[] }[];

/** All in a network namespace of its own, which stands for the host: see openBench() in run.ts. */
export const network: Row = {
  name: "network",
  about: "bridges, published ports, names: what they cost at the start and on the way",
  onlyByName: true,
  ownNetwork: true,
  async measure(bench) {
    const engines = withContainers(bench.engines);
    return [
      ...(await starts(bench, engines)),
      ...(await connections(bench, engines)),
      ...(await crowded(bench, engines)),
      ...(await names(bench, engines)),
    ];
  },
};

/** Apart, because Docker's firewall drops what other engines' bridges forward: an engine at a time. */
export const throughput: Row = {
  name: "throughput",
  about:
    "iperf3 from container to container, to the host and to a published port; name one engine and the floor",
  onlyByName: true,
  ownNetwork: true,
  measure: (bench) => measureThroughputs(bench, withContainers(bench.engines)),
};

function line(
  row: string,
  series: Series,
  { unit = "ms", budget }: { readonly unit?: Unit; readonly budget?: number } = {},
): Result {
  return {
    row,
    unit,
    better: unit === "/s" || unit === "MB/s" ? "more" : "less",
    ...(budget === undefined ? {} : { budget }),
    figures: figures(series.map(({ subject, samples }) => [subject, samples])),
  };
}

/** Whole commands, side by side. */
async function starts(
  { isQuick, signal, say }: Bench,
  engines: readonly WithContainers[],
): Promise<Result[]> {
  const rounds = { iterations: isQuick ? 3 : 20, warmups: 1, signal };
  const kinds: readonly (readonly string[])[] = [
    ["--network", "none"],
    [],
    ["-p", "18080:80"],
    ["-p", "20000-20999:20000-20999"],
  ];
  const range = kinds.at(-1);
  const run = ({ engine: { containers }, flags }: Start): number =>
    runTimed(containers.command("run", "--rm", ...flags, containers.image, "true")).ms;
  say("starts");
  // What is compared takes turns; but a range takes Docker minutes, with a process for each port.
  const all = kinds.flatMap((flags) => engines.map((engine) => ({ engine, flags })));
  const isLong = ({ engine, flags }: Start): boolean => engine.name === "docker" && flags === range;
  const series = [
    ...(await interleave(
      all.filter((start) => !isLong(start)),
      rounds,
      run,
    )),
    ...(await interleave(all.filter(isLong), { ...rounds, iterations: 1, warmups: 0 }, run)),
  ];
  return kinds.map((flags) => {
    const name = ["run --rm", ...flags, "IMAGE true"].join(" ");
    const own = series
      .filter(({ subject }) => subject.flags === flags)
      .map(({ subject, samples }) => ({ subject: subject.engine, samples }));
    return flags.length > 0 ? line(name, own) : line(`${name}, on the default bridge`, own, { budget: 25 });
  });
}

interface Start {
  readonly engine: WithContainers;
  readonly flags: readonly string[];
}

async function connections(
  { isQuick, signal, say }: Bench,
  engines: readonly WithContainers[],
): Promise<Result[]> {
  say("connect and disconnect");
  const ids = new Map<WithContainers, string>();
  for (const engine of engines) {
    runTimed(engine.containers.command("network", "create", "bench-side"));
    ids.set(engine, startIdle(engine));
  }
  const rounds = { iterations: isQuick ? 3 : 20, warmups: 1, signal };
  const side = (verb: "connect" | "disconnect", engine: WithContainers): number => {
    const words = engine.containers.command("network", verb, "bench-side", ids.get(engine) ?? "");
    return runTimed(words).ms;
  };
  const connect = await interleave(engines, rounds, (engine) => {
    const ms = side("connect", engine);
    side("disconnect", engine);
    return ms;
  });
  const disconnect = await interleave(engines, rounds, (engine) => {
    side("connect", engine);
    return side("disconnect", engine);
  });
  for (const [engine, id] of ids) {
    runTimed(engine.containers.remove(id));
    runTimed(engine.containers.command("network", "rm", "bench-side"));
  }
  return [line("network connect", connect), line("network disconnect", disconnect)];
}

/**
 * So long after a run its container is taken down, so that the next does not wait for it; and after many starts, all
 * that follows them.
 */
const restMs = 50;
const longRestMs = 1000;

/**
 * Does a start on a bridge with many other containers take longer? The other containers come and go several times. Each
 * period with them is compared with the periods right before and after it, because the machine changes within minutes.
 * The case does not alternate between two instances, one with many containers and one with none. Most of what grows
 * belongs to the kernel (its cgroups, file systems, processes) and would slow both instances. Some of it is the removal
 * after the end of a run. So one series rests before each start, and another one starts containers in immediate
 * succession.
 */
async function crowded(
  { isQuick, signal, say }: Bench,
  engines: readonly WithContainers[],
): Promise<Result[]> {
  const size = isQuick ? 20 : 500;
  const rounds = { iterations: isQuick ? 3 : 30, warmups: 2, signal };
  const rested: Measured[] = [];
  const hurried: Measured[] = [];
  const loaded: Measured[] = [];
  for (const subject of engines) {
    const { containers } = subject;
    const command = containers.command("run", "--rm", containers.image, "true");
    const series = async (pauseMs: number): Promise<readonly number[]> => {
      const [only] = await interleave([subject], rounds, async () => {
        await Bun.sleep(pauseMs);
        return runTimed(command).ms;
      });
      return only?.samples ?? [];
    };
    const run = async (): Promise<Ways> => ({ rested: await series(restMs), hurried: await series(0) });
    const stays = isQuick ? 1 : subject.name === "docker" ? 1 : 6; // it takes Docker three minutes to fill and clear
    const quotients = { rested: [] as number[], hurried: [] as number[] };
    const ms: number[] = [];
    let before = await run();
    for (let stay = 1; stay <= stays; stay++) {
      say(`${subject.name}: ${size} containers on one bridge, ${stay} of ${stays}`);
      await inParallel(size, signal, async () => void startIdle(subject));
      await Bun.sleep(longRestMs);
      const among = await run();
      const ids = runTimed(containers.command("ps", "-q"), { capture: true })
        .stdout.split("\n")
        .filter(Boolean);
      runTimed(containers.remove(...ids.slice(0, size)));
      await containers.settle();
      const after = await run();
      for (const way of ["rested", "hurried"] as const) {
        const none = [...before[way], ...after[way]];
        quotients[way].push(summarize(among[way]).median / summarize(none).median);
      }
      ms.push(...among.rested);
      before = after;
    }
    rested.push({ subject, samples: quotients.rested });
    hurried.push({ subject, samples: quotients.hurried });
    loaded.push({ subject, samples: ms });
  }
  const row = `run --rm beside ${size} on one bridge`;
  return [
    line(row, loaded),
    line("the same, to beside none", rested, { unit: "×", budget: 1.3 }),
    line("the same, right behind one another", hurried, { unit: "×" }),
  ];
}

interface Measured {
  readonly subject: WithContainers;
  readonly samples: readonly number[];
}

interface Ways {
  readonly rested: readonly number[];
  readonly hurried: readonly number[];
}

async function names({ isQuick, say }: Bench, engines: readonly WithContainers[]): Promise<Result[]> {
  say("names");
  const latency: { subject: WithContainers; samples: readonly number[] }[] = [];
  const rate: { subject: WithContainers; samples: readonly number[] }[] = [];
  for (const subject of engines) {
    const { containers } = subject;
    runTimed(containers.command("network", "create", "bench-names"));
    const asked = startIdle(subject, "--network", "bench-names", "--name", "bench-asked");
    const asker = startIdle(subject, "--network", "bench-names");
    const server = resolverOf(subject, asker);
    const seen = await measureLookups(pidOf(subject, asker), {
      server,
      name: "bench-asked",
      seconds: isQuick ? 1 : 5,
    });
    latency.push({ subject, samples: seen.latencyMs });
    rate.push({ subject, samples: [seen.perSecond] });
    runTimed(containers.remove(asked, asker));
    runTimed(containers.command("network", "rm", "bench-names"));
  }
  return [
    line("look-up of a container's name, one after the other", latency),
    line("look-ups a second, 32 at once", rate, { unit: "/s" }),
  ];
}

/** A way of packets, and what one measurement of it takes. */
interface Way {
  readonly row: string;
  readonly subject: Engine;
  readonly measure: (seconds: number, flags: readonly string[]) => Promise<number>;
}

const protocols = [
  ["TCP", []],
  ["UDP, 1,400-byte packets", ["-u", "-b", "0", "-l", "1400"]],
] as const;
const toSibling = "container to container";
const bridgedFloor = `${toSibling}, the floor with a bridge`;
const insideNetwork = `${toSibling}, in an internal network`;
const pastBridge = `${toSibling}, past the bridge`;
const toHost = "container to host";
const toPublished = "container to a published port of the host";

/**
 * iperf3 in the containers' network namespaces: the image needs nothing. All ways take turns, as the machine is never
 * the same for long.
 */
async function measureThroughputs(
  { engines: all, isQuick, say, signal }: Bench,
  engines: readonly WithContainers[],
): Promise<Result[]> {
  const seconds = isQuick ? 1 : 2;
  const rounds = isQuick ? 1 : 7;
  await using floors = new AsyncDisposableStack();
  const ways: Way[] = [];
  for (const subject of all.filter(({ name }) => name === "floor")) {
    ways.push(...(await openFloorWays(subject, floors)));
  }
  for (const engine of engines) ways.push(...openContainerWays(engine));
  const results: Result[] = [];
  for (const [protocol, flags] of protocols) {
    const samples = ways.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      say(`iperf3 ${protocol}, round ${round + 1} of ${rounds}`);
      for (let at = 0; at < ways.length; at++) {
        signal.throwIfAborted();
        const index = (at + round) % ways.length;
        samples[index]?.push((await ways[index]?.measure(seconds, flags)) ?? 0);
      }
    }
    for (const row of [toSibling, bridgedFloor, insideNetwork, pastBridge, toHost, toPublished]) {
      const series = ways.flatMap((way, index) =>
        way.row === row ? [{ subject: way.subject, samples: samples[index] ?? [] }] : [],
      );
      results.push(line(`${protocol}, ${row}`, series, { unit: "MB/s" }));
    }
  }
  return results;
}

async function openFloorWays(subject: Engine, kept: AsyncDisposableStack): Promise<readonly Way[]> {
  const bare = kept.use(await makeVethPair({ bridged: false }));
  const bridged = kept.use(await makeVethPair({ bridged: true }));
  const ruled = kept.use(await makeVethPair({ bridged: true }));
  ruled.publish(15_201, 5201); // a host without any rule keeps track of no connection
  const way = (row: string, from: number, to: number, target: string, port = 5201): Way => ({
    row,
    subject,
    measure: (seconds, flags) => measureThroughput({ from, to, target, port, seconds, flags }),
  });
  return [
    ...[toSibling, insideNetwork, pastBridge].map((row) => way(row, bare.from, bare.to, bare.target)),
    way(bridgedFloor, bridged.from, bridged.to, bridged.target),
    way(toHost, ruled.from, ruled.host, ruled.gateway),
    way(toPublished, ruled.from, ruled.to, ruled.gateway, 15_201),
  ];
}

/** Their containers and networks go with the engine. */
function openContainerWays(subject: WithContainers): readonly Way[] {
  const { containers } = subject;
  const server = startIdle(subject, "-p", "15201:5201", "-p", "15201:5201/udp");
  const [from, to] = [pidOf(subject, startIdle(subject)), pidOf(subject, server)];
  const { address, gateway } = addressesOf(subject, server);
  const way = (row: string, near: number, far: number, target: string, port = 5201): Way => ({
    row,
    subject,
    measure: (seconds, flags) => measureThroughput({ from: near, to: far, target, port, seconds, flags }),
  });
  const made = ([row, name, ...options]: readonly [string, string, ...string[]]): Way => {
    runTimed(containers.command("network", "create", ...options, name));
    const [near = "", far = ""] = [1, 2].map(() => startIdle(subject, "--network", name));
    return way(row, pidOf(subject, near), pidOf(subject, far), addressesOf(subject, far).address);
  };
  return [
    way(toSibling, from, to, address),
    way(toHost, from, process.pid, gateway),
    way(toPublished, from, to, gateway, 15_201),
    made([insideNetwork, "bench-inside", "--internal"]),
    ...(subject.name === "tare" ? [made([pastBridge, "bench-past", "--opt", "bypass_bridge=true"])] : []),
  ];
}

function startIdle({ containers }: WithContainers, ...flags: readonly string[]): string {
  const words = containers.command("run", "-d", ...flags, containers.image, "sleep", "1000000");
  return runTimed(words, { capture: true }).stdout.trim();
}

function inspect({ containers }: WithContainers, id: string, template: string): string {
  return runTimed(containers.command("inspect", "-f", template, id), { capture: true }).stdout.trim();
}

function pidOf(engine: WithContainers, id: string): number {
  return Number(inspect(engine, id, "{{.State.Pid}}"));
}

function addressesOf(
  engine: WithContainers,
  id: string,
): { readonly address: string; readonly gateway: string } {
  const template = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}";
  const [address = "", gateway = ""] = inspect(engine, id, template).split(" ");
  return { address, gateway };
}

/** The address of its name server, by its own file. */
function resolverOf(engine: WithContainers, id: string): string {
  const text = runTimed(engine.containers.command("exec", id, "cat", "/etc/resolv.conf"), { capture: true });
  return /^nameserver (\S+)/m.exec(text.stdout)?.[1] ?? "127.0.0.11";
}
