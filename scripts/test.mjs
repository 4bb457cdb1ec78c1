// All tests that this machine can run. Unit tests are one process, every other file a process of its own; independent
// files run at the same time, and so does the virtual machine. A file that fails is run once more, alone: if it passes
// then, the run prints `FLAKY FILE: TEST` and stays green. A run without its summary is red: `process.exit(0)` in a
// test would end it silently. `npm test -- storage` runs only files whose path contains the word. Prints `N passed, N
// failed` at last. `npm run full` (`--full`) also runs what `npm test` samples, and writes its table to
// docs/internals/full-run.md.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { writeFullRun } from "./full-run.mjs";
import { formatFailures, nameFailure } from "./read-failures.mjs";
import { runFiles } from "./run-file.mjs";
import { findStale, formatFlaky, mergeRerun, orderPaths, parseSchedule, runJobs } from "./schedule.mjs";
import { findLacking, formatSummary, listSuites, runSuites } from "./vm.mjs";

const bun = "node_modules/.bin/bun";
const begun = Date.now();
const full = process.argv.includes("--full");
const words = process.argv.slice(2).filter((word) => word !== "--full");
// Tests read it: whether they run for their full length.
if (full) process.env.TARE_TEST_FULL = "1";
/** One more than processors: most tests wait for the kernel a part of their time. */
const workers = Number(process.env.TARE_TEST_WORKERS ?? availableParallelism() + 1);
/** Programs (or files, by their path) that some tests need, by the Debian package that has them. */
const packages = {
  gcc: "gcc",
  "gcc-aarch64-linux-gnu": "aarch64-linux-gnu-gcc",
  dpkg: "dpkg-deb",
  tar: "tar",
  zstd: "zstd",
  python3: "python3",
  "python3-docker": "/usr/lib/python3/dist-packages/docker",
  mmdebstrap: "mmdebstrap",
  "btrfs-progs": "mkfs.btrfs",
  xfsprogs: "mkfs.xfs",
  skopeo: "skopeo",
  podman: "podman",
  "docker-registry": "docker-registry",
  openssl: "openssl",
  "libcap2-bin": "setcap",
  apparmor: "apparmor_parser",
  nftables: "nft",
  iproute2: "ip",
  "bind9-dnsutils": "dig",
  "iputils-ping": "ping",
  iptables: "iptables-nft",
  "docker-compose": "docker-compose",
  systemd: "journalctl",
};

function list(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? list(path) : path.endsWith(".test.ts") ? [path] : [];
  });
}

function isWanted(path) {
  return words.length === 0 || words.some((word) => path.includes(word));
}

function report(result) {
  console.log(formatSummary(result));
  if (result.failed > 0) console.log(formatFailures(result.failures));
  return result;
}

async function runJob({ path, files }) {
  return report(await runFiles(path, files));
}

const job = (path) => ({ path, files: [path] });

/** The suites on the second kernel, when all is run or the word `vm` asks for it: see scripts/vm.mjs. */
function listVirtual() {
  if (process.getuid() !== 0 || (words.length > 0 && !words.includes("vm"))) return [];
  return listSuites([], { full });
}

/** Boots the second kernel and runs the suites in it; in two machines as soon as `more` is fulfilled. */
async function runVirtual(suites, more) {
  const { summaries, machine, seconds } = await runSuites(
    suites,
    (summary) => report({ ...summary, path: `virtual machine: ${summary.path}` }),
    { more },
  );
  console.log(`virtual machine: ${machine ?? "did not boot"} (${Math.round(seconds)} s)`);
  return summaries.map((summary, index) => ({
    ...summary,
    path: `virtual machine: ${summary.path}`,
    suite: suites[index],
  }));
}

/** Each result that failed is replaced by that of a second run, when nothing else runs. */
async function rerunFailed(results) {
  const merged = [];
  const failedSuites = results.filter(({ suite, failed }) => suite !== undefined && failed > 0);
  if (results.some(({ failed }) => failed > 0)) console.log("\nonce more, alone:");
  const virtual = failedSuites.length === 0 ? [] : await runVirtual(failedSuites.map(({ suite }) => suite));
  for (const result of results) {
    if (result.failed === 0) merged.push(result);
    else if (result.suite !== undefined)
      merged.push(mergeRerun(result, virtual[failedSuites.indexOf(result)]));
    else merged.push(mergeRerun(result, await runJob(result)));
  }
  return merged;
}

/** Lines that name what was skipped; in CI every one must be on the committed list. */
function findUnexpected(skipped) {
  if (!process.env.CI) return [];
  const allowed = readFileSync("test/allowed-skips.txt", "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return skipped.filter((line) => !allowed.some((known) => line.startsWith(known)));
}

const indent = (lines) => lines.map((line) => `  ${line}`).join("\n");

const lacking = Object.entries(packages).filter(
  ([, program]) => spawnSync("sh", ["-c", `command -v ${program} || test -d ${program}`]).status !== 0,
);
if (process.getuid() !== 0)
  console.log("not root: tests of the real kernel will be skipped (run `sudo npm test`)");
if (lacking.length > 0) {
  console.log(
    `some tests will be skipped because programs are missing: apt-get install ${lacking.map(([name]) => name).join(" ")}`,
  );
}

const unit = list("test/unit").filter(isWanted);
const all = [...list("test/system"), ...list("test/conformance")];
const schedule = parseSchedule(readFileSync("test/schedule.txt", "utf8"));
const stale = findStale(all, schedule);
if (stale.length > 0) throw new Error(`test/schedule.txt names no test files: ${stale.join(", ")}`);
const { together, alone } = orderPaths(all.filter(isWanted), schedule);

// Built once, before tests that would build it at the same time.
if (spawnSync("make", ["--silent"], { stdio: "inherit" }).status !== 0) process.exit(1);
// Tests run in a network of their own: what they need from elsewhere is fetched before.
if (together.length + alone.length > 0) {
  const filled = spawnSync(bun, ["test/support/fill-cache.ts"], { encoding: "utf8" });
  if (filled.status !== 0) console.log(`cannot fetch what some tests need: ${filled.stderr}`);
}

const skipped = [];
const missing = findLacking();
let virtual = listVirtual();
const withoutMachine = virtual.length > 0 && missing.length > 0;
if (withoutMachine) {
  virtual = [];
  skipped.push(`no virtual machine with a second kernel: apt-get install ${missing.join(" ")}`);
}
const parallel = [...(unit.length > 0 ? [{ path: "unit", files: unit }] : []), ...together.map(job)];
const hostRun = runJobs(parallel, workers, runJob);
const [onHost, inMachine] = await Promise.all([
  hostRun,
  virtual.length > 0 ? runVirtual(virtual, hostRun) : [],
]);
const afterwards = await runJobs(alone.map(job), 1, runJob);
const first = [...onHost, ...afterwards, ...inMachine];
const results = await rerunFailed(first);

skipped.push(...results.flatMap(({ path, skips }) => skips.map((line) => `${path}: ${line}`)));
if (skipped.length > 0) console.log(`\nskipped:\n${indent(skipped)}`);
const unexpected = findUnexpected(skipped);
if (unexpected.length > 0)
  console.log(`\nskipped, but not on test/allowed-skips.txt:\n${indent(unexpected)}`);
const red = results.flatMap(({ path, failures }) =>
  failures.map((failure) => nameFailure({ ...failure, file: failure.file || path })),
);
if (red.length > 0) console.log(`\n${red.join("\n")}`);
const flaky = results.flatMap((result) => formatFlaky({ flaky: [], ...result }));
if (flaky.length > 0) console.log(`\n${flaky.join("\n")}`);
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const [passed, failed] = [sum("passed"), sum("failed") + unexpected.length];
const seconds = (Date.now() - begun) / 1000;
if (full) writeFullRun({ results, passed, failed, skipped, flaky, seconds });
const slowest = first.toSorted((a, b) => b.seconds - a.seconds).slice(0, 20);
if (words.length === 0) {
  console.log("\nslowest:");
  for (const result of slowest) console.log(`  ${Math.round(result.seconds)} s ${result.path}`);
}
console.log(`\n${Math.round(seconds)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
