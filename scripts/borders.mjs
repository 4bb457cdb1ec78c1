// Runs dependency-cruiser and makes sure that it really looked: it reports success for zero modules too.
import { spawnSync } from "node:child_process";

const fewest = 200;
const { status, stdout, stderr } = spawnSync(
  "node_modules/.bin/depcruise",
  [
    "src",
    "--config",
    ".dependency-cruiser.cjs",
    "--output-type",
    "err-long",
    "--cache",
    "dist/check/borders",
  ],
  { encoding: "utf8" },
);
console.log(stdout + stderr);
const modules = Number(/(\d+) modules/.exec(stdout)?.[1] ?? 0);
if (status !== 0 || modules < fewest) {
  if (modules < fewest)
    console.error(`only ${modules} modules were looked at; there must be at least ${fewest}`);
  process.exit(1);
}
