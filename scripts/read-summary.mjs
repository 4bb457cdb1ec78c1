// Parses the summary of a `bun test` run, so that no failure looks like a success.

/**
 * Numbers of tests that passed, failed and were skipped, and the names of the last two kinds. A run without its summary
 * counts as one failure: `process.exit(0)` in a test would end it silently. So does one whose status is not 0 though no
 * test failed: a failing hook shows its tests as passed.
 */
export function readSummary(output, status) {
  const count = (word) => Number(new RegExp(`^\\s*(\\d+) ${word}$`, "m").exec(output)?.[1] ?? Number.NaN);
  const [pass, fail] = [count("pass"), count("fail")];
  const errors = count("error") || count("errors") || 0;
  const whole = Number.isInteger(pass) && Number.isInteger(fail);
  const names = (word) =>
    [...output.matchAll(new RegExp(`^\\(${word}\\) (.*)$`, "gm"))].map(([, name]) =>
      name.replace(/ \[[\d.]+m?s\]$/, ""),
    );
  return {
    passed: whole ? pass : 0,
    failed: whole ? Math.max(fail, status === 0 && errors === 0 ? 0 : 1) : 1,
    skipped: count("skip") || 0,
    failures: names("fail"),
    skips: names("skip"),
  };
}
