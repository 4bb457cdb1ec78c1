// Runs `bun test` once, as a process of its own, and reads what it printed.
import { spawn } from "node:child_process";
import { readFailures } from "./read-failures.mjs";
import { readSummary } from "./read-summary.mjs";

const limitMs = 1_200_000;

/**
 * The summary of one run of `bun test` over the files (read-summary.mjs), its failures (read-failures.mjs), and its
 * seconds. Never rejects: a run that can't be started, or that lasts longer than 20 minutes, is a failure.
 */
export async function runFiles(path, files) {
  const begun = Date.now();
  const child = spawn(
    "node_modules/.bin/bun",
    ["test", "--isolate", "--timeout", "120000", ...files.map((file) => `./${file}`)],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
      timeout: limitMs,
      killSignal: "SIGKILL",
    },
  );
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => chunks.push(bytes));
  const status = await new Promise((resolve) => {
    child.on("error", (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      resolve(null);
    });
    child.on("close", resolve);
    // A daemon that a test left behind may hold the pipes.
    child.on("exit", (code) => setTimeout(() => resolve(code), 5_000));
  });
  for (const stream of [child.stdout, child.stderr]) stream.destroy();
  const output = Buffer.concat(chunks).toString();
  const summary = readSummary(output, status);
  const failures = summary.failed === 0 ? [] : readFailures(output, status);
  return { path, files, ...summary, failures, seconds: (Date.now() - begun) / 1000 };
}
