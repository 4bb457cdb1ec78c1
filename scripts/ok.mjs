// The gate, for a person and for CI alike: format, types, lint, borders, leftovers, native code, unit tests.
// `npm run ok -- format types` runs only some.
import { spawnSync } from "node:child_process";
import { formatFailures, readFailures } from "./read-failures.mjs";

const bin = (name) => `node_modules/.bin/${name}`;
const strict = ["-Wall", "-Wextra", "-Wshadow", "-Wvla", "-Werror"];

const steps = {
  format: [bin("biome"), "format", "--error-on-warnings", "."],
  types: [bin("tsc"), "-p", "."],
  library: [bin("tsc"), "-p", "tsconfig.lib.json", "--noEmit"],
  lint: [bin("oxlint"), "--type-aware", "--deny-warnings", "src", "test"],
  borders: ["node", "scripts/borders.mjs"],
  leftovers: [bin("knip")],
  native: [
    "make",
    "--silent",
    "-C",
    "native",
    `BUILD=../dist/check`,
    `CFLAGS=${strict.join(" ")} -fanalyzer`,
  ],
  unit: [bin("bun"), "test", "--isolate", "--timeout", "120000", "./test/unit"],
};

const wanted = process.argv.slice(2);
let failed = 0;
for (const [name, [command, ...args]] of Object.entries(steps)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const begun = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  const good = status === 0 && (name !== "unit" || /^\s*\d+ pass$/m.test(stderr));
  console.log(`${good ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (!good) {
    failed++;
    const output = `${stdout}${stderr}`;
    console.log(
      name === "unit"
        ? formatFailures(readFailures(output, status))
        : output.split("\n").slice(-120).join("\n"),
    );
  }
}
process.exit(failed === 0 ? 0 : 1);
