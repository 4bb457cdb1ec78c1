import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environment, findProgram, runTimed } from "../harness/command.ts";
import { removeContainer, startContainer } from "../harness/docker-api.ts";
import type { Result } from "../harness/result.ts";
import { type Host, hostsOf } from "./docker-host.ts";
import { inParallel } from "./parallel.ts";
import { type Bench, figures, type Row, timedLine } from "./row.ts";

type Sample = (host: Host) => number | Promise<number>;

/** What Docker's command line takes with each engine: its own time, that of `docker --version`, is a part of all. */
export const dockerRows: readonly Row[] = [
  row("docker-run", "run and exec by docker-cli", runs),
  row("docker-ps", "ps with 1, 100 and 500 containers, and inspect, by docker-cli", lists),
  row("docker-logs", "logs of 200 MB by docker-cli", readLogs),
  row("docker-cp", "cp of 1 GB and of 50,000 files, in and out, by docker-cli", copies),
  row("docker-events", "from start and kill to the line of events, by docker-cli", events),
  { ...row("docker-compose", "up and down of ten services by docker compose", compose), ownNetwork: true },
];

type Measure = (bench: Bench, hosts: readonly Host[]) => Promise<readonly Result[]>;

function row(name: string, about: string, measure: Measure): Row {
  return {
    name,
    about,
    onlyByName: true,
    async measure(bench) {
      if (findProgram("docker") === undefined) {
        bench.say(`${name}: not installed: apt-get install docker-cli`);
        return [];
      }
      return await measure(bench, hostsOf(bench));
    },
  };
}

/** One line of the table. */
async function line(
  bench: Bench,
  hosts: readonly Host[],
  what: { readonly name: string; readonly count: number; readonly sample: Sample },
): Promise<Result> {
  return await timedLine(bench, { ...what, subjects: hosts, engineOf: ({ engine }) => engine });
}

/** A container of each host that only waits, removed at the end of the row. */
async function idleContainers(
  hosts: readonly Host[],
  undo: AsyncDisposableStack,
): Promise<(host: Host) => string> {
  const ids = new Map<Host, string>();
  for (const host of hosts) {
    const { image } = host.engine.containers;
    const { id } = await startContainer(host.socketPath, { image, command: ["sleep", "1000000"] });
    undo.defer(() => removeContainer(host.socketPath, id));
    ids.set(host, id);
  }
  return (host) => ids.get(host) ?? "";
}

async function runs(bench: Bench, hosts: readonly Host[]): Promise<readonly Result[]> {
  await using undo = new AsyncDisposableStack();
  const idle = await idleContainers(hosts, undo);
  const run: Sample = ({ docker, engine }) =>
    runTimed(docker("run", "--rm", "--network", "none", engine.containers.image, "true")).ms;
  return [
    await line(bench, hosts, {
      name: "docker-cli alone (--version)",
      count: 20,
      sample: ({ docker }) => runTimed(docker("--version")).ms,
    }),
    await line(bench, hosts, { name: "docker run --rm --network none IMAGE true", count: 20, sample: run }),
    await line(bench, hosts, {
      name: "docker exec CONTAINER true",
      count: 20,
      sample: (host) => runTimed(host.docker("exec", idle(host), "true")).ms,
    }),
  ];
}

async function lists(bench: Bench, hosts: readonly Host[]): Promise<readonly Result[]> {
  const { isQuick, signal, say } = bench;
  await using undo = new AsyncDisposableStack();
  const results: Result[] = [];
  const all = new Map(hosts.map((host) => [host, [] as string[]]));
  undo.defer(() => {
    say("removing the containers");
    for (const [{ docker }, ids] of all) if (ids.length > 0) runTimed(docker("rm", "-f", ...ids));
  });
  // Each engine has a container for exec already.
  for (const size of isQuick ? [1, 10, 20] : [1, 100, 500]) {
    for (const [{ engine, socketPath }, ids] of all) {
      say(`${engine.name}: ${size} containers`);
      await inParallel(size - 1 - ids.length, signal, async () => {
        const { image } = engine.containers;
        ids.push((await startContainer(socketPath, { image, command: ["sleep", "1000000"] })).id);
      });
    }
    results.push(
      await line(bench, hosts, {
        name: `docker ps with ${size}`,
        count: 20,
        sample: ({ docker }) => runTimed(docker("ps")).ms,
      }),
    );
  }
  const some = (host: Host): readonly string[] => (all.get(host) ?? []).slice(0, 100);
  results.push(
    await line(bench, hosts, {
      name: "docker inspect of one",
      count: 20,
      sample: (host) => runTimed(host.docker("inspect", ...some(host).slice(0, 1))).ms,
    }),
    await line(bench, hosts, {
      name: `docker inspect of ${isQuick ? 19 : 100}`,
      count: 10,
      sample: (host) => runTimed(host.docker("inspect", ...some(host))).ms,
    }),
  );
  return results;
}

async function readLogs(bench: Bench, hosts: readonly Host[]): Promise<readonly Result[]> {
  await using undo = new AsyncDisposableStack();
  const bytes = bench.isQuick ? 20e6 : 200e6;
  const file = join(bench.directory, "docker-logs.txt");
  writeFileSync(file, Buffer.alloc(bytes, `${"x".repeat(99)}\n`));
  const ids = new Map<Host, string>();
  for (const host of hosts) {
    const { runDetached } = host.engine.containers;
    // Tare's usual limit is smaller.
    const flags = ["--log-opt", "max-size=1g", "-v", `${file}:/output.txt:ro`];
    const command = runDetached(flags, "cat", "/output.txt");
    const id = runTimed(command, { capture: true }).stdout.trim();
    undo.defer(() => removeContainer(host.socketPath, id));
    runTimed(host.docker("wait", id));
    const { length } = runTimed(host.docker("logs", id), { capture: true }).stdout;
    if (length !== bytes) throw new Error(`${host.engine.name}: logs have ${length} bytes of ${bytes}`);
    ids.set(host, id);
  }
  rmSync(file);
  const id = (host: Host): string => ids.get(host) ?? "";
  return [
    await line(bench, hosts, {
      name: `docker logs, ${bytes / 1e6} MB`,
      count: 5,
      sample: (host) => runTimed(host.docker("logs", id(host))).ms,
    }),
    await line(bench, hosts, {
      name: `docker logs --tail 10 of them`,
      count: 10,
      sample: (host) => runTimed(host.docker("logs", "--tail", "10", id(host))).ms,
    }),
  ];
}

async function copies(bench: Bench, hosts: readonly Host[]): Promise<readonly Result[]> {
  await using undo = new AsyncDisposableStack();
  const idle = await idleContainers(hosts, undo);
  const work = join(bench.directory, "docker-cp");
  mkdirSync(join(work, "out"), { recursive: true });
  undo.defer(() => rmSync(work, { recursive: true }));
  const bytes = bench.isQuick ? 50e6 : 1e9;
  const count = bench.isQuick ? 1000 : 50_000;
  writeFileSync(join(work, "large"), Buffer.alloc(bytes, "content that is not all zero"));
  for (let at = 0; at < count; at++) {
    const directory = join(work, "many", `d${Math.floor(at / 100)}`);
    if (at % 100 === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${at}`), `file ${at}\n`.repeat(1 + ((at * 7919) % 150)));
  }
  const results: Result[] = [];
  for (const [name, what] of [
    [`${bytes / 1e6} MB`, "large"],
    [`${count} files`, "many"],
  ] as const) {
    bench.say(`cp of ${name}`);
    results.push(
      await line(bench, hosts, {
        name: `docker cp of ${name} in`,
        count: 3,
        sample: (host) => {
          runTimed(host.docker("exec", idle(host), "rm", "-rf", `/${what}`));
          return runTimed(host.docker("cp", join(work, what), `${idle(host)}:/`)).ms;
        },
      }),
      await line(bench, hosts, {
        name: `docker cp of ${name} out`,
        count: 3,
        sample: (host) => {
          rmSync(join(work, "out", what), { recursive: true, force: true });
          return runTimed(host.docker("cp", `${idle(host)}:/${what}`, join(work, "out"))).ms;
        },
      }),
    );
    for (const host of hosts) runTimed(host.docker("exec", idle(host), "rm", "-rf", `/${what}`));
  }
  return results;
}

/** Until the line of the event comes out of `docker events`. */
async function events(bench: Bench, hosts: readonly Host[]): Promise<readonly Result[]> {
  await using undo = new AsyncDisposableStack();
  const idle = await idleContainers(hosts, undo);
  const watchers = new Map(hosts.map((host) => [host, undo.use(new EventWatcher(host))]));
  for (const host of hosts)
    await watchers.get(host)?.isReady(() => runTimed(host.docker("pause", idle(host))));
  for (const host of hosts) runTimed(host.docker("unpause", idle(host)));
  const until = async (host: Host, verb: "start" | "kill", action: string): Promise<number> => {
    const begun = performance.now();
    const seen = watchers.get(host)?.next(`${action} ${idle(host)}`);
    const [program = "", ...words] = host.docker(verb, idle(host));
    const child = spawn(program, words, { stdio: "ignore", env: environment() });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await seen;
    const ms = performance.now() - begun;
    await ended;
    return ms;
  };
  const starts = new Map<Host, number[]>();
  const kill = await line(bench, hosts, {
    name: "docker kill to the line of die in docker events",
    count: 20,
    sample: async (host) => {
      const ms = await until(host, "kill", "die");
      starts.set(host, [...(starts.get(host) ?? []), await until(host, "start", "start")]);
      return ms;
    },
  });
  const start = figures(hosts.map((host) => [host.engine, (starts.get(host) ?? []).slice(1)]));
  return [kill, { ...kill, row: "docker start to the line of start in docker events", figures: start }];
}

/** `docker events` of one host. */
class EventWatcher implements AsyncDisposable {
  readonly #child;
  readonly #waiting = new Map<string, () => void>();

  constructor({ docker }: Host) {
    const words = docker("events", "--filter", "type=container", "--format", "{{.Action}} {{.ID}}");
    const [program = "", ...rest] = words;
    this.#child = spawn(program, rest, { stdio: ["ignore", "pipe", "ignore"], env: environment() });
    createInterface({ input: this.#child.stdout }).on("line", (text) => {
      this.#waiting.get(text)?.();
      this.#waiting.get("")?.();
    });
  }

  /** Resolves with the next such line; an empty one stands for any. */
  async next(text: string): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.set(text, resolve));
    this.#waiting.delete(text);
  }

  /** Causes events until one of them is seen. */
  async isReady(cause: () => void): Promise<void> {
    await Bun.sleep(1000);
    const seen = this.next("");
    cause();
    await seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await ended;
  }
}

async function compose(bench: Bench, hosts: readonly Host[]): Promise<readonly Result[]> {
  if (Bun.spawnSync(["docker", "compose", "version"]).exitCode !== 0) {
    bench.say("docker-compose: not installed: apt-get install docker-compose");
    return [];
  }
  const directory = join(bench.directory, "docker-compose");
  mkdirSync(directory);
  const services = Array.from({ length: 10 }, (_, at) => [
    `  service${at}:`,
    `    image: ${bench.bed.image}`,
    "    command: sleep 1000000",
    "    stop_signal: SIGKILL",
  ]).flat();
  writeFileSync(join(directory, "compose.yml"), ["services:", ...services, ""].join("\n"));
  const command = ({ docker }: Host, ...words: readonly string[]): readonly string[] =>
    docker("compose", "--project-directory", directory, "--project-name", "bench", ...words);
  const downs = new Map<Host, number[]>();
  const up = await line(bench, hosts, {
    name: "docker compose up -d of ten services",
    count: 7,
    sample: (host) => {
      const { ms } = runTimed(command(host, "up", "-d"));
      downs.set(host, [...(downs.get(host) ?? []), runTimed(command(host, "down")).ms]);
      return ms;
    },
  });
  rmSync(directory, { recursive: true });
  const down = figures(hosts.map((host) => [host.engine, (downs.get(host) ?? []).slice(1)]));
  return [
    await line(bench, hosts, {
      name: "docker compose alone (version)",
      count: 10,
      sample: ({ docker }) => runTimed(docker("compose", "version")).ms,
    }),
    up,
    { ...up, row: "docker compose down of ten services", figures: down },
  ];
}
