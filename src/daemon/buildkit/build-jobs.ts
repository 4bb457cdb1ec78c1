import { Failure } from "../../base/failure.ts";
import { BuildJob, type HeldImage } from "./build-job.ts";
import type { ProgressLog } from "./progress-log.ts";

/** Builds at a time. */
const mostJobs = 64;
/** How long a reader waits for the build that it wants to follow. */
const arrivalMs = 6000;
/** Ended builds that can still be read: a reader may come after the end of a short one. */
const mostEnded = 4;
const longestRef = 256;

/** The builds that go on, by their refs. */
export class BuildJobs {
  readonly #jobs = new Map<string, BuildJob>();
  readonly #ended = new Map<string, ProgressLog>();
  readonly #waiting = new Set<() => void>();

  /** Throws "conflict" for a ref that goes on, "unavailable" when too many do. The caller ends it. */
  begin(options: ConstructorParameters<typeof BuildJob>[0]): BuildJob {
    const { ref } = options;
    if (ref === "" || ref.length > longestRef)
      throw new Failure("invalid", "cannot build: the request has no ref, or one that is too long");
    if (this.#jobs.has(ref)) throw new Failure("conflict", `job ID ${ref} exists`);
    if (this.#jobs.size >= mostJobs)
      throw new Failure("unavailable", `cannot build: ${mostJobs} builds go on, more are not run at a time`);
    const job = new BuildJob(options);
    this.#ended.delete(ref);
    this.#jobs.set(ref, job);
    for (const wake of this.#waiting) wake();
    return job;
  }

  async end(job: BuildJob): Promise<void> {
    this.#jobs.delete(job.ref);
    this.#ended.set(job.ref, job.progress);
    for (const ref of this.#ended.keys()) if (this.#ended.size > mostEnded) this.#ended.delete(ref);
    await job[Symbol.asyncDispose]();
  }

  /** A build that may only begin a little later: clients ask at the same time. Throws "not-found". */
  async get(ref: string | undefined, signal: AbortSignal): Promise<BuildJob> {
    return await this.#wait(ref ?? "", signal, (name) => this.#jobs.get(name));
  }

  /** What happens, or has happened, in a build. Throws "not-found". */
  async getProgress(ref: string, signal: AbortSignal): Promise<ProgressLog> {
    return await this.#wait(ref, signal, (name) => this.#jobs.get(name)?.progress ?? this.#ended.get(name));
  }

  async #wait<T>(ref: string, signal: AbortSignal, find: (ref: string) => T | undefined): Promise<T> {
    const deadline = Date.now() + arrivalMs;
    for (;;) {
      const found = find(ref);
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0 || signal.aborted || ref === "") throw new Failure("not-found", `no such job ${ref}`);
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.#waiting.add(done);
        signal.addEventListener("abort", done);
      });
    }
  }

  /** The image of any build that goes on. */
  findImage(id: string): HeldImage | undefined {
    for (const job of this.#jobs.values()) {
      const image = job.findImage(id);
      if (image !== undefined) return image;
    }
    return undefined;
  }
}
