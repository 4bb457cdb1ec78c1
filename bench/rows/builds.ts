import { appendFileSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTimed } from "../harness/command.ts";
import { forgetPeak, peakOf } from "../harness/process.ts";
import type { Result } from "../harness/result.ts";
import { hostsOf } from "./docker-host.ts";
import { type Bench, figures, type Row, timedLine, type WithContainers, withContainers } from "./row.ts";

/** Whole builds: each engine by its own command line, the small one by Docker's with Tare as well. */
export const builds: Row = {
  name: "builds",
  about: "a small Dockerfile, a large context, a large file, a project after a change; memory",
  onlyByName: true,
  async measure(bench) {
    return [
      ...(await smallBuild(bench)),
      ...(await largeContext(bench)),
      ...(await largeFile(bench)),
      ...(await changedProject(bench)),
    ];
  },
};

/** A build with one engine's own command line. */
function buildCommand(
  { name, containers }: WithContainers,
  flags: readonly string[],
  directory: string,
): readonly string[] {
  // Buildah wants higher limits for its steps than this user may have.
  const own = name === "podman" ? ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"] : [];
  return containers.command("build", "--quiet", "--network", "none", ...own, ...flags, directory);
}

async function line(
  bench: Bench,
  {
    engines = withContainers(bench.engines),
    ...what
  }: {
    readonly name: string;
    readonly count: number;
    readonly budget?: number;
    readonly engines?: readonly WithContainers[];
  },
  sample: (engine: WithContainers) => number,
): Promise<Result> {
  return await timedLine(bench, { ...what, subjects: engines, engineOf: (engine) => engine, sample });
}

function makeContext(bench: Bench, name: string, dockerfile: readonly string[]): string {
  const directory = join(bench.directory, "builds", name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "Dockerfile"), `${dockerfile.join("\n")}\n`);
  return directory;
}

async function smallBuild(bench: Bench): Promise<readonly Result[]> {
  const { image } = bench.bed;
  const runs = ["one", "two", "three", "four"].map((word) => `RUN echo ${word} > /${word}.txt`);
  const directory = makeContext(bench, "small", [`FROM ${image}`, ...runs, "COPY Dockerfile /"]);
  const name = "build of FROM, four RUN and a COPY";
  return [
    await line(
      bench,
      { name: `${name}, without cache`, count: 10, budget: 150 },
      (engine) => runTimed(buildCommand(engine, ["--no-cache"], directory)).ms,
    ),
    await line(
      bench,
      { name: `${name}, from the cache`, count: 10, budget: 30 },
      (engine) => runTimed(buildCommand(engine, [], directory)).ms,
    ),
    await timedLine(bench, {
      name: `${name}, without cache, by docker-cli`,
      count: 10,
      subjects: hostsOf(bench),
      engineOf: ({ engine }) => engine,
      sample: ({ docker }) =>
        runTimed(docker("build", "--quiet", "--network", "none", "--no-cache", directory)).ms,
    }),
  ];
}

/** A context that has not changed, and the most memory that the daemons had while they read it first. */
async function largeContext(bench: Bench): Promise<readonly Result[]> {
  const [count, bytes] = bench.isQuick ? [1000, 40e6] : [50_000, 2e9];
  const directory = makeContext(bench, "context", [`FROM ${bench.bed.image}`, "COPY . /app"]);
  const content = Buffer.alloc(bytes / count, "content that is not all zero");
  bench.say(`writing ${count} files of ${bytes / 1e6} MB`);
  for (let at = 0; at < count; at++) {
    const below = join(directory, `d${Math.floor(at / 100)}`);
    if (at % 100 === 0) mkdirSync(below);
    content.write(`file ${at} `);
    writeFileSync(join(below, `file-${at}`), content);
  }
  const engines = withContainers(bench.engines).filter(
    ({ containers }) => containers.serverPids().length > 0,
  );
  const peaks = engines.map((engine) => {
    const pids = engine.containers.serverPids();
    forgetPeak(pids);
    const { ms } = runTimed(buildCommand(engine, [], directory));
    bench.say(`${engine.name}: first build in ${(ms / 1000).toFixed(1)} s`);
    return { engine, ms, kb: peakOf(pids) };
  });
  const results: readonly Result[] = [
    {
      row: `first build with a context of ${count} files, ${bytes / 1e6} MB`,
      unit: "ms",
      better: "less",
      figures: figures(peaks.map(({ engine, ms }) => [engine, [ms]])),
    },
    {
      row: "its peak memory of the daemon",
      unit: "MB",
      better: "less",
      budget: 200,
      figures: figures(peaks.map(({ engine, kb }) => [engine, [kb / 1024]])),
    },
    await line(
      bench,
      { name: "the same unchanged", count: 5, budget: 1000, engines },
      (engine) => runTimed(buildCommand(engine, [], directory)).ms,
    ),
  ];
  rmSync(directory, { recursive: true });
  return results;
}

/** COPY of one file, and what a plain copy takes on the same file system. */
async function largeFile(bench: Bench): Promise<readonly Result[]> {
  const bytes = bench.isQuick ? 40e6 : 738e6;
  const directory = makeContext(bench, "file", [`FROM ${bench.bed.image}`, "COPY large /large"]);
  const file = join(directory, "large");
  writeFileSync(file, Buffer.alloc(bytes, "content that is not all zero"));
  const plain: number[] = [];
  const shares = await line(bench, { name: "", count: 5 }, (engine) => {
    appendFileSync(file, "x");
    const copy = `${directory}/copy`;
    const begun = performance.now();
    copyFileSync(file, copy);
    const ms = performance.now() - begun;
    rmSync(copy);
    plain.push(ms);
    return runTimed(buildCommand(engine, [], directory)).ms / ms;
  });
  plain.sort((a, b) => a - b);
  bench.say(`a plain copy takes ${plain[plain.length >> 1]?.toFixed(0)} ms`);
  rmSync(directory, { recursive: true });
  return [{ ...shares, row: `COPY of ${bytes / 1e6} MB to a plain copy`, unit: "×", budget: 1.2 }];
}

/** A project of the usual form: dependencies from a list, then the sources, then a step that compiles them. */
async function changedProject(bench: Bench): Promise<readonly Result[]> {
  const packages = bench.isQuick ? 20 : 400;
  const directory = makeContext(bench, "project", [
    `FROM ${bench.bed.image}`,
    "WORKDIR /app",
    "COPY package.json ./",
    `RUN for p in $(seq ${packages}); do mkdir -p node_modules/p$p; for f in $(seq 50); do echo "module $p $f" > node_modules/p$p/f$f.js; done; done`,
    "COPY . .",
    "RUN mkdir dist && cat src/*.ts > dist/index.js",
    'CMD ["cat", "dist/index.js"]',
  ]);
  writeFileSync(join(directory, "package.json"), '{ "name": "project" }\n');
  mkdirSync(join(directory, "src"));
  for (let at = 0; at < 200; at++)
    writeFileSync(join(directory, "src", `module-${at}.ts`), `export const value = ${at};\n`);
  const result = await line(
    bench,
    { name: "build of a project after a change of one line", count: 7 },
    (engine) => {
      appendFileSync(join(directory, "src", "module-7.ts"), "// one more line\n");
      return runTimed(buildCommand(engine, [], directory)).ms;
    },
  );
  rmSync(directory, { recursive: true });
  return [result];
}
