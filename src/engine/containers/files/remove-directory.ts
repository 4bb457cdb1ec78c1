import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { poll } from "../../../base/deadline.ts";
import { codeOf, fileFailure } from "../../../linux/files/file-failure.ts";

const BUSY_MS = 10_000;

/**
 * Removes a directory tree; does nothing when it is absent. Keepers of ending execs may still write to it, and other
 * processes may remove parts of it concurrently. The directory is gone when this resolves; otherwise this throws.
 */
export async function removeDirectory(path: string): Promise<void> {
  await poll(
    async () => {
      try {
        await rm(path, { recursive: true, force: true });
      } catch (thrown) {
        if (codeOf(thrown) !== "ENOTEMPTY")
          throw fileFailure("cannot remove the directory of a container", thrown);
      }
      // With `force`, rm() also resolves when an entry vanishes while it goes through the tree, and leaves the rest.
      return existsSync(path) ? undefined : true;
    },
    { everyMs: 3, timeoutMs: BUSY_MS, what: `remove the directory "${path}" of a container` },
  );
}
