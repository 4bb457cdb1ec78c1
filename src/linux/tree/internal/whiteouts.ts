import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../constants/open.ts";
import { listDirectory } from "../../files/directory.ts";
import { OwnedFd } from "../../kernel/fd.ts";
import { findStatAt } from "../../files/stat.ts";
import { call } from "../../kernel/syscall.ts";
import { baseOf, joinPath, parentOf } from "../entry-path.ts";
import { type LayerTree, openMade } from "./layer-tree.ts";
import type { Marks } from "./marks.ts";
import type { Pace } from "../pace.ts";
import { removeEntry } from "./remove.ts";

// SPEC: OCI image layer, "Whiteouts": they hide what lower layers have, never what their own layer has, wherever
// in the archive they stand.

/** Marks that lower layers' `path` is gone. */
export function hideLower(tree: LayerTree, marks: Marks, path: string): void {
  const name = baseOf(path);
  const parent = tree.parent(path);
  tree.markHidden(path);
  if (marks.hide(parent, name)) return;
  // The layer has its own: a file hides the lower one as it is, a directory must not be merged with the lower one.
  if (findStatAt(parent, name)?.kind !== "directory") return;
  using directory = openMade(parent, name);
  marks.setOpaque(directory.fd);
}

/** Marks that nothing of lower layers' directory `path` is left. */
export function hideLowerContents(tree: LayerTree, marks: Marks, path: string): void {
  const directory = tree.directory(path);
  using readable = new OwnedFd(call("openat", directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  marks.setOpaque(readable.fd);
}

/** Removes lower layers' `path` from a full tree. */
export async function removeLower(tree: LayerTree, path: string, pace: Pace): Promise<void> {
  if (tree.isOwn(path)) return await removeLowerContents(tree, path, pace);
  const parent = tree.directories.find(parentOf(path));
  if (parent === undefined) return;
  const stat = findStatAt(parent, baseOf(path));
  await removeEntry(parent, baseOf(path), pace);
  if (stat?.kind === "directory" || stat?.kind === "symlink") tree.directories.forget();
}

/** Removes from a full tree what lower layers have in the directory `path`. */
export async function removeLowerContents(tree: LayerTree, path: string, pace: Pace): Promise<void> {
  const pending = [path];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    // Later entries are the layer's own, so one marking is enough; an archive with many such marks stays cheap.
    if (!tree.markEmptied(directory)) continue;
    const fd = tree.directories.find(directory);
    if (fd === undefined) continue;
    for (const { name } of listDirectory(fd)) {
      const child = joinPath(directory, name);
      if (tree.isOwn(child)) pending.push(child);
      else await removeLower(tree, child, pace);
      if (pace.isDue()) await pace.rest();
    }
  }
}
