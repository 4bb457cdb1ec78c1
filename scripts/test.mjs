// All tests that this machine can run, unit tests together, every other file as a process of its own, one after the
// other. A run without its summary is red: `process.exit(0)` in a test would end it silently.
// `npm test -- storage` runs only files whose path contains the word. Prints `N passed, N failed` at last.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { formatFailures, nameFailure, readFailures } from "./read-failures.mjs";
import { readSummary } from "./read-summary.mjs";
import { findLacking, formatSummary, listSuites, runSuites } from "./vm.mjs";

const bun = "node_modules/.bin/bun";
const words = process.argv.slice(2);
/** Programs that some tests need, by the Debian package that has them. */
const packages = {
  gcc: "gcc",
  dpkg: "dpkg-deb",
  tar: "tar",
  zstd: "zstd",
  python3: "python3",
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
};

function list(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .flatMap((name) => {
      const path = join(directory, name);
      return statSync(path).isDirectory() ? list(path) : path.endsWith(".test.ts") ? [path] : [];
    })
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)));
}

const total = { pass: 0, fail: 0, skip: 0 };
const red = [];
const skipped = [];

function run(name, files, options = []) {
  if (files.length === 0) return;
  const begun = Date.now();
  const { stdout, stderr, status } = spawnSync(
    bun,
    ["test", "--isolate", "--timeout", "120000", ...options, ...files.map((file) => `./${file}`)],
    {
      encoding: "utf8",
      maxBuffer: 1 << 28,
      env: { ...process.env, NO_COLOR: "1" },
      timeout: 1_200_000,
      killSignal: "SIGKILL",
    },
  );
  const output = `${stdout}${stderr}`;
  const { passed, failed, skipped: skips, skips: names } = readSummary(output, status);
  total.pass += passed;
  total.fail += failed;
  total.skip += skips;
  skipped.push(...names.map((line) => `${name}: ${line}`));
  console.log(
    formatSummary({
      path: name,
      passed,
      failed,
      skipped: skips,
      seconds: ((Date.now() - begun) / 1000).toFixed(1),
    }),
  );
  if (failed > 0) {
    const failures = readFailures(output, status);
    red.push(...failures.map((failure) => nameFailure({ ...failure, file: failure.file || name })));
    console.log(formatFailures(failures));
  }
}

/** On a second kernel, when all is run or the word `vm` asks for it: see scripts/vm.mjs. */
async function runVirtualMachine() {
  if (process.getuid() !== 0 || (words.length > 0 && !words.includes("vm"))) return;
  const packages = findLacking();
  if (packages.length > 0) {
    const sentence = `no virtual machine with a second kernel: apt-get install ${packages.join(" ")}`;
    if (process.env.CI) total.fail++; // it is installed there
    skipped.push(sentence);
    return;
  }
  const { machine, seconds } = await runSuites(listSuites([]), (summary) => {
    const name = `virtual machine: ${summary.path}`;
    total.pass += summary.passed;
    total.fail += summary.failed;
    total.skip += summary.skipped;
    skipped.push(...summary.skips.map((line) => `${name}: ${line}`));
    console.log(formatSummary({ ...summary, path: name }));
    if (summary.failed === 0) return;
    red.push(...summary.failures.map((failure) => nameFailure({ ...failure, file: name })));
    console.log(formatFailures(summary.failures));
  });
  console.log(`virtual machine: ${machine ?? "did not boot"} (${Math.round(seconds)} s)`);
}

const lacking = Object.entries(packages).filter(
  ([, program]) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
);
if (process.getuid() !== 0)
  console.log("not root: tests of the real kernel will be skipped (run `sudo npm test`)");
if (lacking.length > 0) {
  console.log(
    `some tests will be skipped for want of programs: apt-get install ${lacking.map(([name]) => name).join(" ")}`,
  );
}
// Tests run in a network of their own: what they need from elsewhere is fetched before.
if ([...list("test/system"), ...list("test/conformance")].length > 0) {
  const filled = spawnSync(bun, ["test/support/fill-cache.ts"], { encoding: "utf8" });
  if (filled.status !== 0) console.log(`cannot fetch what some tests need: ${filled.stderr}`);
}
run("unit", list("test/unit"));
for (const directory of ["test/system", "test/conformance"])
  for (const file of list(directory)) run(file, [file]);
await runVirtualMachine();

if (skipped.length > 0) console.log(`\nskipped:\n${skipped.map((line) => `  ${line}`).join("\n")}`);
if (process.env.CI) {
  // In CI every skip must be on the committed list.
  const allowed = existsSync("test/allowed-skips.txt")
    ? readFileSync("test/allowed-skips.txt", "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
    : [];
  const unexpected = skipped.filter((line) => !allowed.some((known) => line.startsWith(known)));
  if (unexpected.length > 0) {
    console.log(
      `\nskipped, but not on test/allowed-skips.txt:\n${unexpected.map((line) => `  ${line}`).join("\n")}`,
    );
    total.fail += unexpected.length;
  }
}
if (red.length > 0) console.log(`\n${red.join("\n")}`);
console.log(`\n${total.pass} passed, ${total.fail} failed`);
process.exit(total.fail === 0 && total.pass > 0 ? 0 : 1);
