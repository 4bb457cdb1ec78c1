import type { TestFailure } from "./read-failures.mjs";

export interface Schedule {
  readonly first: readonly string[];
  readonly alone: readonly string[];
}

export interface JobResult {
  readonly path: string;
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly TestFailure[];
}

export function parseSchedule(text: string): Schedule;
export function orderPaths(
  paths: readonly string[],
  schedule: Schedule,
): { readonly together: readonly string[]; readonly alone: readonly string[] };
export function findStale(paths: readonly string[], schedule: Schedule): string[];
export function runJobs<Job, Result>(
  jobs: readonly Job[],
  workers: number,
  run: (job: Job) => Promise<Result>,
): Promise<Result[]>;
export function mergeRerun<Result extends JobResult>(
  first: Result,
  second: Result,
): Result & { readonly flaky: readonly TestFailure[] };
export function formatFlaky(result: {
  readonly path: string;
  readonly flaky: readonly TestFailure[];
}): string[];
