import { takeThread } from "./threads/job-threads.ts";
import type { VerifyTreeJob } from "./verify-tree.ts";

/** As verifyTree(), in a worker thread. */
export async function verifyLayerTree(
  job: VerifyTreeJob,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  using thread = await takeThread(signal);
  await thread.run("verify", job, { signal });
}
