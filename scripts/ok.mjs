// The gate, for a person and for CI alike: format, types, lint, borders, assertions, leftovers, native code, prose, unit tests.
// `npm run ok -- format types` runs only some. As many steps at a time as there are processors.
import { availableParallelism } from "node:os";
import { spawn } from "node:child_process";
import { formatFailures, readFailures } from "./read-failures.mjs";
import { runJobs } from "./schedule.mjs";

const bin = (name) => `node_modules/.bin/${name}`;
/** The compiler in Go. The one in JavaScript (`typescript`) is the library of other tools, and four times as slow. */
const tsc = "node_modules/typescript-7/bin/tsc";
const strict = ["-Wall", "-Wextra", "-Wshadow", "-Wvla", "-Werror"];

/** Long ones first. */
const steps = {
  unit: [bin("bun"), "test", "--isolate", "--timeout", "120000", "./test/unit"],
  types: [tsc, "-p", "."],
  library: [
    tsc,
    ...["-p", "tsconfig.lib.json", "--noEmit"],
    ...["--incremental", "--tsBuildInfoFile", "dist/check/library.tsbuildinfo"],
  ],
  borders: ["node", "scripts/borders.mjs"],
  assertions: ["node", "scripts/assertions.mjs"],
  lint: [bin("oxlint"), "--type-aware", "--deny-warnings", "src", "test"],
  native: [
    "make",
    "--silent",
    "-C",
    "native",
    `BUILD=../dist/check`,
    `CFLAGS=${strict.join(" ")} -fanalyzer`,
  ],
  docstrings: [bin("typedoc"), "--emit", "none"],
  leftovers: [bin("knip")],
  prose: ["node", "scripts/prose.mjs"],
  format: [bin("biome"), "format", "--error-on-warnings", "."],
};

async function runStep([name, [command, ...args]]) {
  const begun = Date.now();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => chunks.push(bytes));
  const status = await new Promise((resolve) => {
    child.on("error", (error) => {
      chunks.push(Buffer.from(error.message));
      resolve(null);
    });
    child.on("close", resolve);
  });
  const output = Buffer.concat(chunks).toString();
  const good = status === 0 && (name !== "unit" || /^\s*\d+ pass$/m.test(output));
  console.log(`${good ? "ok    " : "FAILED"} ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  if (!good) {
    console.log(
      name === "unit"
        ? formatFailures(readFailures(output, status))
        : output.split("\n").slice(-120).join("\n"),
    );
  }
  return good;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(steps, name));
if (unknown.length > 0) {
  console.error(`cannot run ${unknown.join(", ")}: the steps are ${Object.keys(steps).join(", ")}`);
  process.exit(2);
}
const chosen = Object.entries(steps).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const results = await runJobs(chosen, availableParallelism(), runStep);
process.exit(results.every((good) => good) ? 0 : 1);
