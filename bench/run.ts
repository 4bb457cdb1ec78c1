// npm run bench -- [ROW...] [--quick] [--json FILE] [--engines tare,docker,...] [--drivers btrfs,...] [--directory DIR]
// [--tare PATH]
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { busyboxArchive, busyboxRootfsTar } from "../test/support/images.ts";
import { openDocker } from "./engines/docker.ts";
import { type Bed, type Engine, type EngineName, engineNames, type Missing } from "./engines/engine.ts";
import { openFloor } from "./engines/floor.ts";
import { openPodman } from "./engines/podman.ts";
import { openRunc } from "./engines/runc.ts";
import { openTare } from "./engines/tare.ts";
import { runTimed } from "./harness/command.ts";
import { describeMachine, load } from "./harness/machine.ts";
import { Owned } from "./harness/owned.ts";
import { formatReport, type Report } from "./harness/report.ts";
import { meetsBudget, type Result } from "./harness/result.ts";
import { builds } from "./rows/builds.ts";
import { crowd } from "./rows/crowd.ts";
import { images } from "./rows/images.ts";
import { attacks } from "./rows/attacks.ts";
import { daemon } from "./rows/daemon.ts";
import { density } from "./rows/density.ts";
import { dockerRows } from "./rows/docker-client.ts";
import { logs } from "./rows/logs.ts";
import { network, throughput } from "./rows/network.ts";
import type { Row } from "./rows/row.ts";
import { start } from "./rows/start.ts";
import { storage, storagePairNames } from "./rows/storage.ts";
import { exec, run } from "./rows/whole-commands.ts";

const rows: readonly Row[] = [
  daemon,
  run,
  start,
  exec,
  crowd,
  logs,
  density,
  images,
  network,
  throughput,
  storage,
  attacks,
  builds,
  ...dockerRows,
];
const openers: Readonly<Record<EngineName, (bed: Bed) => Promise<Engine | Missing>>> = {
  floor: openFloor,
  tare: openTare,
  docker: openDocker,
  podman: openPodman,
  runc: openRunc,
};

const usage = `usage: npm run bench -- [ROW...] [--quick] [--json FILE] [--engines NAME,NAME] [--drivers NAME,NAME] [--directory DIR] [--tare PATH]
rows: all, or some of
${rows.map(({ name, about, onlyByName }) => `  ${name.padEnd(15)}${about}${onlyByName === true ? " (only when named)" : ""}`).join("\n")}
engines: ${engineNames.join(", ")}; the ones that are installed
drivers: ${storagePairNames.join(", ")}; of the row storage, each with Docker's of its kind; btrfs brings its own disk, a file of up to 24 GB
directory: where all of them keep everything (${tmpdir()}): its file system is part of the figures
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    engines: { type: "string", default: engineNames.join(",") },
    drivers: { type: "string", default: storagePairNames.join(",") },
    tare: { type: "string", default: join(import.meta.dir, "..", "dist", "bin", "tare") },
    directory: { type: "string", default: tmpdir() },
    help: { type: "boolean", default: false },
  },
});
const unknown = [
  ...positionals.filter((word) => !rows.some(({ name }) => name === word)),
  ...values.engines.split(",").filter((word) => !engineNames.some((name) => name === word)),
  ...values.drivers.split(",").filter((word) => !storagePairNames.includes(word)),
];
if (values.help || unknown.length > 0) {
  console.error(`${unknown.map((word) => `bench: there is no "${word}"\n`).join("")}${usage}`);
  process.exit(values.help ? 0 : 2);
}
if (process.getuid?.() !== 0) {
  console.error("bench: containers need root; run: sudo npm run bench");
  process.exit(1);
}

const networks = rows.some(({ name, ownNetwork }) => ownNetwork === true && positionals.includes(name));
if (networks && process.env["TARE_BENCH_NETWORK"] !== process.ppid.toString()) {
  busyboxArchive(); // may be fetched: not from in there
  // Runs the benchmark again in a new network namespace: its bridges, rules and routes disappear with the namespace.
  const script = 'ip link set lo up && TARE_BENCH_NETWORK=$$ "$@"';
  const words = ["unshare", "--net", "sh", "-c", script, "sh", process.execPath, ...process.argv.slice(1)];
  const { exitCode } = Bun.spawnSync(words, { stdio: ["inherit", "inherit", "inherit"] });
  process.exit(exitCode);
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
}
try {
  const report = await measure();
  console.log(formatReport(report));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
  const missed = report.results.filter((result) => meetsBudget(result) === false);
  if (missed.length > 0)
    console.log(`${missed.length} over budget: ${missed.map(({ row }) => row).join("; ")}`);
} catch (thrown) {
  console.error(`bench: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  process.exitCode = 1;
}

/** Everything that it starts has ended, and its directories are gone, when this returns or throws. */
async function measure(): Promise<Report> {
  await using stack = new AsyncDisposableStack();
  const owned = stack.use(new Owned(resolve(values.directory)));
  const bed = makeBed(owned);
  const engines: Engine[] = [];
  const about: Partial<Record<EngineName, string>> = {};
  for (const name of engineNames.filter((each) => values.engines.split(",").includes(each))) {
    stop.signal.throwIfAborted();
    const opened = await openers[name](bed);
    about[name] = "missing" in opened ? opened.missing : opened.version;
    if (!("missing" in opened)) engines.push(stack.use(opened));
  }
  const bench = {
    bed,
    engines,
    drivers: values.drivers.split(","),
    directory: owned.directory,
    isQuick: values.quick,
    signal: stop.signal,
    say: (what: string) => console.error(`bench: ${what}`),
  };
  const machine = describeMachine(owned.directory);
  const loadBefore = load();
  const results: Result[] = [];
  for (const row of rows.filter(isWanted)) {
    bench.say(`${row.name}: ${row.about}`);
    results.push(...(await row.measure(bench)));
  }
  return { machine, engines: about, loadBefore, loadAfter: load(), isQuick: values.quick, results };
}

function isWanted({ name, onlyByName }: Row): boolean {
  return positionals.length === 0 ? onlyByName !== true : positionals.includes(name);
}

function makeBed(owned: Owned): Bed {
  const rootfs = owned.path("rootfs");
  mkdirSync(rootfs);
  runTimed(["tar", "-C", rootfs, "-xf", busyboxRootfsTar()]);
  return { owned, archive: busyboxArchive(), image: "busybox:latest", rootfs, tare: values.tare, networks };
}
