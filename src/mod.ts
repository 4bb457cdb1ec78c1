import { connectTo } from "./mod/connected-engine.ts";
import { LibraryEngine } from "./mod/library-engine.ts";
import { openEngine as open, type OpenOptions } from "./mod/open-engine.ts";

export { Failure, type FailureKind } from "./base/failure.ts";
export type * from "./engine/bench-types.ts";
export type * from "./engine/denial-types.ts";
export type * from "./engine/descriptor-types.ts";
export type * from "./engine/engine-types.ts";
export type * from "./engine/file-types.ts";
export type * from "./engine/image-types.ts";
export type * from "./engine/limit-types.ts";
export type * from "./engine/log-types.ts";
export type * from "./engine/manifest-types.ts";
export type * from "./engine/network-types.ts";
export type * from "./engine/secret-types.ts";
export type * from "./engine/pod-types.ts";
export type * from "./engine/statistics-types.ts";
export type * from "./engine/types.ts";
export type * from "./engine/usage-types.ts";
export type * from "./engine/volume-types.ts";
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

/**
 * The engine of a daemon that runs, with the same interface; it is not started. `host` is `unix:///run/tare/tare.sock`
 * (the default; TARE_HOST counts, too) or `tcp://…`. Throws "unavailable" when nobody serves there.
 */
export async function connectEngine(options: { readonly host?: string } = {}): Promise<LibraryEngine> {
  const host = options.host ?? process.env["TARE_HOST"] ?? "unix:///run/tare/tare.sock";
  return new LibraryEngine(await connectTo(host));
}
