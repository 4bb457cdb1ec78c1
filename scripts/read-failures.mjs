// Extracts the output of failed tests from the output of `bun test`, so that a truncated log still shows the failures.

/** Of one failure, so many lines at its begin, and at its end, where what went wrong is. */
const [firstLines, lastLines] = [15, 45];
const longestLine = 300;
/** Of one run, so many failures with their lines, and the names alone of all others. */
const toldFailures = 10;

/**
 * The failed tests, hooks (`SUITE > (unnamed)`) and errors outside of tests, in their order: the file, as bun names it,
 * the name of the test, and the lines that were printed after the test before it. A run that ended without its summary,
 * or whose status says more than its tests, gives one more, with its last lines.
 */
export function readFailures(output, status) {
  const failures = [];
  let file = "";
  let lines = [];
  let outside = false;
  let whole = false;
  const add = (name) => {
    failures.push({ file, name, lines: shorten(lines) });
    lines = [];
    outside = false;
  };
  for (const line of output.split("\n")) {
    const header = /^(\S+\.test\.ts):$/.exec(line)?.[1];
    const [, state, name] = /^\((pass|skip|todo|fail)\) (.*)$/.exec(line) ?? [];
    if (/^\s*\d+ fail$/.test(line)) whole = true;
    if (header !== undefined) {
      if (header !== file) lines = [];
      file = header;
    } else if (state === "fail") {
      lines.push(line);
      add(name.replace(/ \[[\d.]+m?s\]$/, ""));
    } else if (state !== undefined) {
      lines = [];
    } else if (line === "# Unhandled error between tests") {
      lines = [line];
      outside = true;
    } else if (outside && /^-{20,}$/.test(line)) {
      if (lines.length > 1) add("(error outside of a test)");
    } else if (lines.length === 0 && failures.length > 0 && /^ {2}\^ /.test(line)) {
      failures.at(-1).lines.push(makeHarmless(line)); // as "^ this test timed out after 100ms."
    } else if (lines.length > 0 || (line !== "" && !line.startsWith("bun test v"))) {
      lines.push(line);
    }
  }
  if (!whole) add("(the run ended without its summary)");
  else if (failures.length === 0 && status !== 0) add(`(the run ended with status ${status})`);
  return failures;
}

/** The lines of the failures, one failure after the other. */
export function formatFailures(failures) {
  const told = failures.slice(0, toldFailures).flatMap(({ lines }) => lines);
  const others = failures.slice(toldFailures).map(({ name }) => makeHarmless(`(fail) ${name}`));
  return [...told, ...others].join("\n");
}

/** `failed: FILE > TEST` */
export function nameFailure({ file, name }) {
  return makeHarmless(`failed: ${file} > ${name}`);
}

function shorten(lines) {
  const kept = [...lines];
  while (kept.at(-1) === "") kept.pop();
  const left = kept.length - firstLines - lastLines;
  if (left > 1) kept.splice(firstLines, left, `[… ${left} lines …]`);
  return kept.map(makeHarmless);
}

/** What a terminal could take for an order, and what is no text, as escapes; not longer than a log bears. */
function makeHarmless(line) {
  const plain = line.replace(
    /[^\t\P{Cc}]|[\u2028\u2029]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return plain.length > longestLine ? `${plain.slice(0, longestLine - 1)}…` : plain;
}
