import { LibraryEngine } from "./mod/library-engine.ts";
import { openEngine as open, type OpenOptions } from "./mod/open-engine.ts";

export { Failure, type FailureKind } from "./base/failure.ts";
export type * from "./engine/types.ts";
export type { ExecResult, RunningContainer, RunOptions } from "./mod/container-handle.ts";
export type { LibraryEngine } from "./mod/library-engine.ts";
export type { OpenOptions } from "./mod/open-engine.ts";

/**
 * A whole container engine in this process, without a daemon. Needs root on Linux. One engine a data root: throws
 * "conflict" naming the holder when it is in use.
 *
 *     await using engine = await openEngine();
 *     await using container = await engine.run("hello");
 *     console.log(await container.stdout());
 */
export async function openEngine(options: OpenOptions = {}): Promise<LibraryEngine> {
  return new LibraryEngine(await open(options));
}
