import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readSummary } from "../../scripts/read-summary.mjs";
import { environment } from "../harness/command.ts";
import { type Bench, figures, type Row } from "./row.ts";

const repository = join(import.meta.dir, "../..");

/** The attacks of the tests, whose races go on for two minutes each in place of seconds. */
export const attacks: Row = {
  name: "attacks",
  about: "every attack on a running engine, each race for two minutes",
  onlyByName: true,
  async measure(bench) {
    const tare = bench.engines.find(({ name }) => name === "tare");
    if (tare === undefined) return [];
    let passed = 0;
    let failed = 0;
    for (const file of readdirSync(join(repository, "test/system")).filter((name) =>
      name.includes("attack"),
    )) {
      bench.signal.throwIfAborted();
      bench.say(`attacks: ${file}`);
      const summary = await runSuite(file, bench);
      for (const name of summary.failures) bench.say(`got through, or could not be made: ${name}`);
      passed += summary.passed;
      failed += summary.failed;
    }
    return [
      {
        row: "attacks that did not get through",
        unit: "count",
        better: "more",
        figures: figures([[tare, [passed]]]),
      },
      {
        row: "attacks that did",
        unit: "count",
        better: "less",
        budget: 0,
        figures: figures([[tare, [failed]]]),
      },
    ];
  },
};

async function runSuite(file: string, { isQuick, signal }: Bench): Promise<ReturnType<typeof readSummary>> {
  const seconds = isQuick ? "10" : "120";
  const child = spawn(
    "node_modules/.bin/bun",
    ["test", "--isolate", "--timeout", "600000", `./test/system/${file}`],
    {
      cwd: repository,
      env: { ...environment(), TARE_ATTACK_SECONDS: seconds, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      signal,
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (output += String(piece)));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.on("error", reject);
  child.on("close", (status) => resolve(status ?? 1));
  return readSummary(output, await promise);
}
