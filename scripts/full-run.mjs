// Writes the table of a full run, docs/internals/full-run.md.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { release } from "node:os";

/** `results`: as scripts/test.mjs merges them. Replaces the page. */
export function writeFullRun(run) {
  const { stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(
    "docs/internals/full-run.md",
    formatFullRun(run, { date, commit: stdout.trim(), kernel: release() }),
  );
}

/** The page as text. */
export function formatFullRun(
  { results, passed, failed, skipped, flaky, seconds },
  { date, commit, kernel },
) {
  const rows = results.map(
    (result) =>
      `| ${result.path}${result.pattern ? ` \`${result.pattern.replaceAll("|", "\\|")}\`` : ""} | ${result.passed} | ${result.failed} | ${result.skipped} | ${Math.round(result.seconds)} |`,
  );
  return `# Full run

\`npm run full\` runs every test for its full length: also the long attacks and the comparisons with other implementations that \`npm test\`
only samples. It writes this page.

${date}, commit ${commit}, kernel ${kernel}: **${passed} passed, ${failed} failed**, ${skipped.length} skipped on this kernel (they ran in the
virtual machine), ${Math.round(seconds / 60)} minutes.${flaky.length === 0 ? "" : `\n\nPassed only when run again:\n\n${flaky.map((line) => `- ${line}`).join("\n")}`}

| file | passed | failed | skipped | seconds |
|---|---|---|---|---|
${rows.join("\n")}
`;
}
