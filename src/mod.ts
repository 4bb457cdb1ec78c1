import { connectTo } from "./library/connected-engine.ts";
import { LibraryEngine } from "./library/library-engine.ts";
import { openEngine as open, type OpenOptions } from "./library/open-engine.ts";

export { Failure, type FailureDetails, type FailureKind, isFailure } from "./base/failure.ts";
export type * from "./model/storage-bench.ts";
export type * from "./model/denials.ts";
export type * from "./model/descriptors.ts";
export type * from "./model/engine.ts";
export type * from "./model/files.ts";
export type * from "./model/images.ts";
export type * from "./model/limits.ts";
export type * from "./model/logs.ts";
export type * from "./model/manifests.ts";
export type * from "./model/networks.ts";
export type * from "./model/secrets.ts";
export type * from "./model/pods.ts";
export type * from "./model/statistics.ts";
export type * from "./model/containers.ts";
export type * from "./model/container-sizes.ts";
export type * from "./model/ids.ts";
export type * from "./model/pod-membership.ts";
export type * from "./model/prune.ts";
export type * from "./model/time.ts";
export type * from "./model/usage.ts";
export type * from "./model/volumes.ts";
export type { ExecResult, RunningContainer, RunOptions } from "./library/container-handle.ts";
export type { LibraryEngine } from "./library/library-engine.ts";
export type { OpenOptions } from "./library/open-engine.ts";

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

/**
 * The engine of a daemon that runs, with the same interface; it is not started. `host` is `unix:///run/tare/tare.sock`
 * (the default; TARE_HOST counts, too) or `tcp://…`. Throws "unavailable" when nobody serves there.
 */
export async function connectEngine(options: { readonly host?: string } = {}): Promise<LibraryEngine> {
  const host = options.host ?? process.env["TARE_HOST"] ?? "unix:///run/tare/tare.sock";
  return new LibraryEngine(await connectTo(host));
}
