import { isFailure } from "../base/failure.ts";

/** Waits for the work; that its object is gone is no error. SPEC: runtime.v1, stopping and removing are idempotent. */
export async function ignoreAbsent(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    if (!isFailure(thrown, "not-found")) throw thrown;
  }
}
