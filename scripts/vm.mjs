// The tests of isolation on a second kernel: boots Debian's in a virtual machine, once, and runs there what
// test/vm/suites.txt lists. `npm run vm -- cgroup run.test` runs only suites whose path contains a word. Without
// hardware virtualization (the processor is emulated), so it needs nothing of the machine but its packages.
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatFailures, nameFailure, readFailures } from "./read-failures.mjs";
import { readSummary } from "./read-summary.mjs";

/** Debian packages that it needs, by a program that each has; the kernel has none. */
const packages = {
  "virtme-ng": "vng",
  "qemu-system-x86": "qemu-system-x86_64",
  "busybox-static": "busybox",
  bsdutils: "script",
};

/**
 * How much longer than on a real processor a test may take: the processor is emulated, and the host's tests run at the
 * same time.
 */
const slowness = 20;
const bootSeconds = 600;
const suiteSeconds = 1200;
const wholeSeconds = 7200;

/** Finds the newest kernel image whose modules are in the directory next to it. */
export function findKernel() {
  return readdirSync("/boot")
    .filter(
      (name) => name.startsWith("vmlinuz-") && existsSync(`/lib/modules/${name.slice("vmlinuz-".length)}`),
    )
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((name) => `/boot/${name}`)
    .at(-1);
}

/** Returns the packages that the virtual machine lacks here; empty when it can be booted. */
export function findLacking() {
  const programs = Object.entries(packages).filter(
    ([, program]) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
  );
  return [...programs.map(([name]) => name), ...(findKernel() === undefined ? ["linux-image-amd64"] : [])];
}

/** The suites whose path contains one of the words, or all; with `full` also the lines that begin with `full`. */
export function listSuites(words, { full = false } = {}) {
  return readFileSync("test/vm/suites.txt", "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => /^(full\s+)?(\S+)\s*(.*)$/.exec(line).slice(1))
    .filter(([long]) => full || long === undefined)
    .filter(([, path]) => words.length === 0 || words.some((word) => path.includes(word)))
    .map(([, path, pattern]) => ({ path, pattern }));
}

/**
 * Boots, runs the suites, reports each; returns their summaries, one that did not run included. When `more` is
 * fulfilled before the suites are through, a second machine takes a part of them.
 */
export async function runSuites(suites, report, { more } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "tare-vm-"));
  const out = join(directory, "out");
  mkdirSync(out);
  try {
    const archive = join(directory, "project.tar");
    pack(archive);
    writeFileSync(join(out, "suites"), suites.map(({ path, pattern }) => `${path}\t${pattern}\n`).join(""));
    const environment = {
      SUITE_SECONDS: suiteSeconds,
      TEST_MS: 240_000,
      TARE_TEST_SLOWNESS: slowness,
      ...Object.fromEntries(
        Object.entries(process.env).filter(([name]) => /^(BUN_JSC_|TARE_TEST_|TARE_WITHOUT)/.test(name)),
      ),
    };
    writeFileSync(
      join(out, "environment"),
      Object.entries(environment)
        .map(([name, value]) => `export ${name}='${value}'\n`)
        .join(""),
    );
    return await runMachines(archive, out, { suites, report, more });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Packs the files that the tests read: the sources, their build, and of node_modules only what tests import. */
function pack(archive) {
  must("make", ["--silent"]);
  const cache = must("node_modules/.bin/bun", ["test/support/fill-cache.ts", "images"]).trim();
  must("tar", [
    ...["-cf", archive, "--exclude=bunx.exe"],
    ...[
      "src",
      "test",
      "native",
      "scripts",
      "docs",
      "dist/tare",
      "dist/bin/tare",
      "package.json",
      "tsconfig.json",
      "Makefile",
    ],
    ...["bun", "fast-check", "pure-rand", ".bin/bun"].map((name) => `node_modules/${name}`),
    ...["-C", dirname(cache)],
    ...["busybox-rootfs.tar", "busybox-docker.tar"].map((name) => `${basename(cache)}/${name}`),
  ]);
}

function must(program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args[0]}: status ${status}\n${stderr}`);
  return stdout;
}

/** Starts a machine, which takes suites of `out`; whether it is over, and how to end it. */
function boot(archive, out, number) {
  const script = join(process.cwd(), "test/vm/guest.sh");
  const command = [
    ...["vng", "--run", findKernel(), "--disable-kvm", "--memory", "3G", "--cpus", "2", "--user", "root"],
    `--rwdir=${out}`,
    "--qemu-opts='-cpu max -accel tcg,thread=multi'",
    `--exec 'sh ${script} ${archive} ${out} ${number}'`,
  ].join(" ");
  // It wants a terminal: script(1) makes one. It looks for the guest's directories from where it is started, as if
  // that were the root.
  const virtual = spawn("script", ["--quiet", "--flush", "--return", "--command", command, "/dev/null"], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const machine = {
    console: "",
    over: false,
    isDone: () => machine.over || existsSync(join(out, `done.${number}`)),
    // Its own process group: vng and its qemu.
    kill: () => {
      try {
        if (!machine.over) process.kill(-virtual.pid, "SIGKILL");
      } catch {}
    },
  };
  for (const stream of [virtual.stdout, virtual.stderr])
    stream.on("data", (bytes) => (machine.console = `${machine.console}${bytes}`.slice(-20_000)));
  virtual.on("exit", () => (machine.over = true));
  virtual.on("error", () => (machine.over = true));
  return machine;
}

async function runMachines(archive, out, { suites, report, more }) {
  const machines = [boot(archive, out, 1)];
  const kill = () => machines.forEach((machine) => machine.kill());
  const stop = (signal) => {
    kill();
    rmSync(dirname(out), { recursive: true, force: true });
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);
  const summaries = [];
  const begun = Date.now();
  const secondsSince = () => (Date.now() - begun) / 1000;
  const take = () => {
    for (const [index, suite] of suites.entries()) {
      const path = join(out, `${index + 1}.status`);
      if (summaries[index] !== undefined || !existsSync(path)) continue;
      const [status, seconds] = readFileSync(path, "utf8").trim().split(" ").map(Number);
      const output = readFileSync(join(out, `${index + 1}.log`), "utf8");
      const failures = readFailures(output, status);
      summaries[index] = { ...suite, ...readSummary(output, status), failures, seconds };
      report(summaries[index]);
    }
  };
  /** Suites that no machine has begun. */
  const countWaiting = () => suites.filter((_, index) => !existsSync(join(out, `${index + 1}.taken`))).length;
  let mayBootMore = false;
  void more?.then(() => (mayBootMore = true));
  try {
    while (!machines.every((machine) => machine.isDone())) {
      await sleep(500);
      take();
      // It takes a while to boot: not for the last ones.
      if (mayBootMore && machines.length === 1 && !machines[0].over && countWaiting() > 2)
        machines.push(boot(archive, out, 2));
      const booted = existsSync(join(out, "machine"));
      if (secondsSince() > (booted ? wholeSeconds : bootSeconds)) break;
    }
    for (let i = 0; i < 20 && !machines.every(({ over }) => over); i++) await sleep(500); // they turn themselves off
    take();
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, stop);
    kill();
  }
  const machine = existsSync(join(out, "machine"))
    ? readFileSync(join(out, "machine"), "utf8").trim()
    : undefined;
  const why =
    machine === undefined ? "the virtual machine did not boot" : "the virtual machine ended before it";
  const console = machines.map((each) => each.console).join("\n");
  for (const [index, suite] of suites.entries()) {
    if (summaries[index] !== undefined) continue;
    summaries[index] = {
      ...suite,
      passed: 0,
      failed: 1,
      skipped: 0,
      failures: [{ ...readFailures(console, null)[0], name: why }],
      skips: [],
      seconds: 0,
    };
    report(summaries[index]);
  }
  return { summaries, machine, seconds: secondsSince() };
}

/** One line about a suite. */
export function formatSummary({ path, passed, failed, skipped, seconds }) {
  return `${failed === 0 ? "ok    " : "FAILED"} ${path}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds.toFixed(1)} s)`;
}

if (process.argv[1] === import.meta.filename) {
  const lacking = findLacking();
  if (lacking.length > 0 || process.getuid() !== 0) {
    console.log(
      lacking.length > 0
        ? `cannot boot a virtual machine: apt-get install ${lacking.join(" ")}`
        : "cannot run as another user than root",
    );
    process.exit(1);
  }
  const words = process.argv.slice(2);
  const suites = listSuites(words, { full: words.length > 0 });
  const total = { passed: 0, failed: 0 };
  const { machine, seconds } = await runSuites(suites, (summary) => {
    total.passed += summary.passed;
    total.failed += summary.failed;
    console.log(formatSummary(summary));
    if (summary.failed === 0) return;
    console.log(formatFailures(summary.failures));
    for (const failure of summary.failures) console.log(nameFailure({ ...failure, file: summary.path }));
  });
  console.log(`\n${machine ?? "no machine"}; ${Math.round(seconds)} s`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
}
