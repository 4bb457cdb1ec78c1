// Runs the contract of storage drivers (test/suites/storage-driver.ts) for one driver on this machine: `npm run
// contract -- aufs`. Status 0: the driver fulfills it; 1: it does not, or the driver cannot be used here, which one
// sentence explains.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { formatFailures, nameFailure, readFailures } from "./read-failures.mjs";
import { readSummary } from "./read-summary.mjs";

const files = {
  overlay: "storage-overlay",
  erofs: "storage-erofs",
  btrfs: "storage-btrfs",
  vfs: "storage-vfs",
  aufs: "storage-aufs",
  devicemapper: "storage-devicemapper",
};

const [name, ...more] = process.argv.slice(2);
if (name === undefined || more.length > 0 || !Object.hasOwn(files, name)) {
  const names = Object.keys(files).join(", ");
  if (name !== undefined)
    console.error(`cannot run the contract of "${[name, ...more].join(" ")}": one of these, please`);
  console.log(
    `usage: npm run contract -- DRIVER\nRuns the contract of storage drivers for one of them, as root: ${names}.`,
  );
  process.exit(name === undefined ? 0 : 1);
}

function fail(reason) {
  console.error(`cannot run the contract of the storage driver ${name} here: ${reason}`);
  process.exit(1);
}

const path = `test/system/${files[name]}.test.ts`;
if (process.getuid() !== 0) fail("it needs root");
if (!existsSync(path)) fail("there is no such driver yet");
const args = ["test", "--isolate", "--timeout", "120000", "-t", `storage driver ${name}\\b`, `./${path}`];
const { stdout, stderr, status } = spawnSync("node_modules/.bin/bun", args, {
  encoding: "utf8",
  maxBuffer: 1 << 28,
  env: { ...process.env, NO_COLOR: "1" },
});
const output = `${stdout}${stderr}`;
const { passed, failed } = readSummary(output, status);
if (passed === 0) {
  const reason = (/^skipped: (.*)$/m.exec(output) ??
    /cannot use the \w+ driver here: ([^"\n]*)/.exec(output))?.[1];
  if (reason !== undefined) fail(reason);
}
const failures = failed > 0 ? readFailures(output, status) : [];
if (failures.length > 0) console.log(formatFailures(failures));
for (const failure of failures) console.log(nameFailure({ ...failure, file: path }));
console.log(`contract of ${name}: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
