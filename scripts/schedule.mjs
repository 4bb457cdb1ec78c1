// The order in which test files run, and how many at the same time. Pure, but for runJobs(), which calls what it is
// given.

/**
 * Reads test/schedule.txt. A line is a word and a path: `first` for a slow file, in the order in which they start;
 * `alone` for one that measures or exhausts the machine, so that no other file may run at the same time. Text behind
 * `#` says why.
 */
export function parseSchedule(text) {
  const schedule = { first: [], alone: [] };
  for (const [index, line] of text.split("\n").entries()) {
    const words = line.replace(/#.*$/, "").trim().split(/\s+/);
    if (words.length === 1 && words[0] === "") continue;
    const [when, path, ...more] = words;
    if (!Object.hasOwn(schedule, when) || path === undefined || more.length > 0)
      throw new Error(`cannot read line ${index + 1} of the schedule: "${line}"`);
    schedule[when].push(path);
  }
  return schedule;
}

/** The paths in two lists: those that may run together, slow ones first, and those that run alone after them. */
export function orderPaths(paths, schedule) {
  const known = new Set(paths);
  const first = schedule.first.filter((path) => known.has(path));
  const alone = schedule.alone.filter((path) => known.has(path));
  const placed = new Set([...first, ...alone]);
  return { together: [...first, ...paths.filter((path) => !placed.has(path))], alone };
}

/** Paths of the schedule that are no test files (they were renamed or removed). */
export function findStale(paths, schedule) {
  const known = new Set(paths);
  return [...schedule.first, ...schedule.alone].filter((path) => !known.has(path));
}

/** Runs the jobs in their order, at most `workers` at the same time. The results are in the order of the jobs. */
export async function runJobs(jobs, workers, run) {
  const results = [];
  let next = 0;
  const work = async () => {
    while (next < jobs.length) {
      const index = next++;
      results[index] = await run(jobs[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, work));
  return results;
}

/**
 * The result of a job that failed and was run once more, alone: the second run counts. A test that failed first and
 * passed then is flaky.
 */
export function mergeRerun(first, second) {
  return { ...second, flaky: second.failed === 0 ? first.failures : [] };
}

/** `FLAKY FILE: TEST`, a line for each test that failed only in the first run. */
export function formatFlaky({ path, flaky }) {
  return flaky.map(({ file, name }) => `FLAKY ${file || path}: ${name}`);
}
