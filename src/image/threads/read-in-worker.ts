import type { Jobs } from "./job.ts";

/** A smaller one is read before a thread has started. */
const smallBytes = 1024 * 1024;

/** The bytes that a job returns, produced in a worker thread when the size justifies one and one is free. */
export async function* readInWorker<Name extends "read" | "rebuild">(
  name: Name,
  job: Jobs[Name]["job"],
  {
    here,
    size,
  }: {
    readonly here: (job: Jobs[Name]["job"]) => AsyncGenerator<Uint8Array, void, undefined>;
    /** Bytes. */
    readonly size: number;
  },
): AsyncGenerator<Uint8Array, void, undefined> {
  // Most commands need no thread.
  using thread = size > smallBytes ? (await import("./job-threads.ts")).findThread() : undefined;
  if (thread === undefined) yield* here(job);
  else yield* thread.read(name, job);
}
