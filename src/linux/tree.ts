import type { Fd } from "./fd.ts";
import { Comparison } from "./tree/changes.ts";
import { Packing, type PackRules } from "./tree/pack.ts";
import { Pace } from "./tree/pace.ts";
import { removeEntry } from "./tree/remove.ts";
import { Unpacking } from "./tree/unpack.ts";
import type { TreeChange } from "./tree-change.ts";
import type { PackOptions } from "./pack-options.ts";
import type { UnpackOptions, UnpackResult } from "./unpack-options.ts";

/**
 * Writes one image layer (an uncompressed tar archive) below the directory `into`, owners, modes, times to the
 * nanosecond, devices, allowed extended attributes and holes included. All of it by descriptor: nothing outside of
 * `into` is reached whatever the archive says. Of entries with the same name the later wins; a directory over a
 * directory merges, and keeps what it holds.
 *
 * Not atomic: after a failure the tree is half-made, and the caller removes it. `into` belongs to the caller, and
 * nobody else may write there meanwhile. Reads `chunks` to their end, also behind the archive's end mark. Fails with
 * "corrupt" (format), "invalid" (forbidden names, limits), "exhausted" (disk), "unsupported" (entry types), always naming the entry.
 */
export async function unpackLayer(
  chunks: AsyncIterable<Uint8Array>,
  into: Fd,
  options: UnpackOptions = {},
): Promise<UnpackResult> {
  using unpacking = new Unpacking(into, options);
  return await unpacking.run(chunks);
}

/**
 * Removes `name` (one component) and all below it, to any depth; fine if absent. Follows no link. A file system that
 * is mounted below is left alone and makes it fail (EXDEV).
 */
export async function removeTree(
  parent: Fd,
  name: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  await removeEntry(parent, name, new Pace(signal));
}

/**
 * All that is below the directory `root` as a tar archive, in the order of names: the same tree gives the same bytes.
 * Files with several names become one file and hard links; sockets are left out, and so is what
 * vanishes meanwhile. Each chunk is a buffer of its own. Stops reading when the iterator is closed.
 */
export function packTree(root: Fd, options: PackOptions = {}): AsyncIterable<Uint8Array> {
  return new Packing(rulesOf(options)).run(root);
}

/**
 * As packTree(), of one file of any kind that was opened with O_PATH, or a directory and all that is in it, under the
 * name `as`: "a" gives "a/", "a/b"; "." and "/" give "./", "./b" and "/", "/b". A device or fifo is never opened.
 */
export function packEntry(
  entry: Fd,
  { as, ...options }: PackOptions & { readonly as: string },
): AsyncIterable<Uint8Array> {
  return new Packing(rulesOf(options)).runEntry(entry, as);
}

function rulesOf({ whiteouts = "none", sparse = false, mounts = "empty", signal }: PackOptions): PackRules {
  return { whiteouts, sparse, mounts, pace: new Pace(signal) };
}

/**
 * What overlay's upper directory changes in the tree below it, in the order of names, each directory before what is
 * in it. A directory in which something has changed counts as modified. Paths of `ignored` (relative, clean) are left
 * out as long as the upper has made them and nothing is in them. May be read while the overlay is in use.
 */
export async function listOverlayChanges(
  { upper, lower }: { readonly upper: Fd; readonly lower: Fd },
  {
    ignored = new Set(),
    signal,
  }: { readonly ignored?: ReadonlySet<string>; readonly signal?: AbortSignal } = {},
): Promise<readonly TreeChange[]> {
  return await new Comparison(ignored, new Pace(signal)).run(upper, lower);
}
