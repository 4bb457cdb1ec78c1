import type { Fd } from "../kernel/fd.ts";
import type { SnapshotChanges } from "./snapshot-changes.ts";
import type { FileTime } from "../files/stat.ts";
import { Comparison } from "./internal/changes.ts";
import { LayerComparison } from "./internal/layer-comparison.ts";
import { marksOf } from "./internal/marks.ts";
import { Measuring } from "./internal/measure.ts";
import { Merging } from "./internal/merge.ts";
import { type PackPart, Packing, type PackRules } from "./internal/pack.ts";
import { Pace } from "./pace.ts";
import { removeEntry } from "./internal/remove.ts";
import { removeInWorker } from "./internal/remove-in-worker.ts";
import { Unpacking } from "./internal/unpack.ts";
import type { TreeChange } from "./change.ts";
import type { TreeSize } from "./size.ts";
import type { PackOptions } from "./pack-options.ts";
import type { UnpackOptions, UnpackResult } from "./unpack-options.ts";

export type { PackPart } from "./internal/pack.ts";

/**
 * Writes one image layer (an uncompressed tar archive) below the directory `into`, including owners, modes, times to
 * the nanosecond, devices, allowed extended attributes and holes. It uses descriptors only: no archive can reach
 * anything outside of `into`. Of entries with the same name the later wins; a directory over a directory merges, and
 * keeps its content.
 *
 * Not atomic: after a failure the tree is incomplete, and the caller removes it. `into` belongs to the caller, and no
 * other process may write there meanwhile. Reads `chunks` to their end, also behind the archive's end mark. Fails with
 * "corrupt" (format), "invalid" (forbidden names, limits), "exhausted" (disk), "unsupported" (entry types), always
 * naming the entry.
 */
export async function unpackLayer(
  chunks: AsyncIterable<Uint8Array>,
  into: Fd,
  options: UnpackOptions = {},
): Promise<UnpackResult> {
  using unpacking = new Unpacking(into, options);
  return await unpacking.run(chunks);
}

/** Compares what unpackLayer() made with the entries of the tar: see LayerComparison. */
export function compareLayer(root: Fd): LayerComparison {
  return new LayerComparison(root);
}

/**
 * Removes `name` (one component) and all below it, to any depth; fine if absent. Follows no link. A file system that
 * is mounted below is left alone and makes it fail (EXDEV).
 */
export async function removeTree(
  parent: Fd,
  name: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await removeEntry(parent, name, new Pace(signal));
}

/** As removeTree(), in worker threads when the size justifies them: this thread does not wait for the disk. */
export async function removeTreeInWorker(parent: Fd, name: string): Promise<void> {
  await removeInWorker(parent, name);
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

/** One archive of several pieces, in their order: entries of trees, and members that are given. */
export function packParts(
  parts: Iterable<PackPart> | AsyncIterable<PackPart>,
  options: PackOptions = {},
): AsyncIterable<Uint8Array> {
  return new Packing(rulesOf(options)).runParts(parts);
}

function rulesOf({
  whiteouts = "none",
  sparse = false,
  mounts = "empty",
  times = "exact",
  idMaps,
  ignored,
  signal,
}: PackOptions): PackRules {
  return { whiteouts, sparse, mounts, times, idMaps, ignored, pace: new Pace(signal) };
}

/**
 * Lists the changes of an overlay (or aufs) upper directory to the tree below it, sorted by name, each directory before
 * its entries. A directory with a change in it counts as modified. Paths of `ignored` (relative, clean) are left out
 * when the upper directory created them and they are empty. May run while the overlay is in use.
 */
export async function listUpperChanges(
  { upper, lower }: { readonly upper: Fd; readonly lower: Fd },
  {
    marks = "overlay",
    ignored = new Set(),
    signal,
  }: {
    readonly marks?: "overlay" | "aufs" | undefined;
    readonly ignored?: ReadonlySet<string> | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<readonly TreeChange[]> {
  return await new Comparison({ ignored, upper: marks, pace: new Pace(signal) }).run(upper, lower);
}

/** Whether the directory of a layer hides all that lower layers have in it. */
export function isOpaqueDirectory(directory: Fd, marks: "overlay" | "aufs"): boolean {
  return marksOf[marks].isOpaque(directory);
}

/**
 * As listUpperChanges(), of a whole tree that began as a copy of another one (see mergeLayer()). `known`, where it is a
 * snapshot of that: only there is looked.
 */
export async function listTreeChanges(
  { tree, original }: { readonly tree: Fd; readonly original: Fd },
  {
    ignored = new Set(),
    known,
    signal,
  }: {
    readonly ignored?: ReadonlySet<string> | undefined;
    readonly known?: SnapshotChanges | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<readonly TreeChange[]> {
  return await new Comparison({ ignored, known, upper: "full", pace: new Pace(signal) }).run(tree, original);
}

/**
 * Packs the changes in a tree that started as a copy of another one, as an image layer's archive: see packTree().
 * `since` is the time when the copy was complete: every file that was touched later is included, even when neither size
 * nor time differs.
 */
export async function* packTreeChanges(
  {
    tree,
    original,
    since,
    known,
  }: {
    readonly tree: Fd;
    readonly original: Fd;
    readonly since: FileTime;
    readonly known?: SnapshotChanges | undefined;
  },
  { ignored, ...options }: Omit<PackOptions, "whiteouts"> = {},
): AsyncGenerator<Uint8Array, void> {
  const pace = new Pace(options.signal);
  const comparison = new Comparison({ ignored: ignored ?? new Set(), upper: "full", since, known, pace });
  const changes = await comparison.run(tree, original);
  yield* new Packing(rulesOf({ ...options, whiteouts: "overlay" })).runChanges(tree, changes);
}

/**
 * Measures the directory `root` and its content. Follows no link, goes to any depth, and crosses no mount. May run
 * during writes: removed entries are left out, and when directories at a depth of more than 64 levels move, the rest of
 * that tree, too.
 */
export async function measureTree(
  root: Fd,
  {
    signal,
    counted,
    leavesOut,
  }: {
    readonly signal?: AbortSignal | undefined;
    /** Files with several names that were counted elsewhere, by inode; those that are counted here are added. */
    readonly counted?: Set<bigint> | undefined;
    /** Names that are not counted, nor what is in them. */
    readonly leavesOut?: ((name: string) => boolean) | undefined;
  } = {},
): Promise<TreeSize> {
  return await new Measuring(new Pace(signal), { counted, leavesOut }).runTree(root);
}

/** As measureTree(), of what was added or modified alone. */
export async function measureChanges(
  root: Fd,
  changes: readonly TreeChange[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<TreeSize> {
  return await new Measuring(new Pace(signal)).runChanges(root, changes);
}

/**
 * Merges one layer, as unpackLayer() made it for overlay, into the full tree `into`, with the result that overlay would
 * show: marks delete, directories merge, all else replaces. `into` itself keeps its owner and mode. "copy" copies files
 * (sharing blocks where the file system can; holes, hard links, times and allowed attributes stay). "link" adds hard
 * links to the layer's files, which must not be written to then.
 *
 * Not atomic: after a failure the caller removes the tree. No other process may write to either tree meanwhile.
 */
export async function mergeLayer(
  layer: Fd,
  into: Fd,
  { files, signal }: { readonly files: "copy" | "link"; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  await new Merging({ files, pace: new Pace(signal) }).run(layer, into);
}
