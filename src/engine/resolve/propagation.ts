import { Failure } from "../../base/failure.ts";
import type { MountEntry } from "../../linux/mount/mountinfo.ts";
import type { BindMount } from "../../model/mounts.ts";

/**
 * Throws "invalid" in Docker's words when a bind requests a propagation that its source, an absolute path without
 * links, cannot have: the mount of the source is private.
 */
export function checkPropagation(
  source: string,
  propagation: NonNullable<BindMount["propagation"]>,
  table: readonly MountEntry[],
): void {
  if (propagation === "private" || propagation === "rprivate") return;
  const entry = findMountOf(source, table);
  if (entry?.sharedWith !== undefined) return;
  const isSlave = propagation === "slave" || propagation === "rslave";
  if (isSlave && entry?.slaveOf !== undefined) return;
  const wanted = isSlave ? "shared or slave" : "shared";
  throw new Failure(
    "invalid",
    `cannot bind "${source}": path ${source} is mounted on ${entry?.target ?? "/"} but it is not a ${wanted} mount`,
  );
}

/** The mount that a path lies on: the longest that leads to it, and of those at one place the last. */
function findMountOf(path: string, table: readonly MountEntry[]): MountEntry | undefined {
  let found: MountEntry | undefined;
  for (const entry of table) {
    const below = entry.target === "/" ? "/" : `${entry.target}/`;
    if (path !== entry.target && !path.startsWith(below)) continue;
    if (found === undefined || entry.target.length >= found.target.length) found = entry;
  }
  return found;
}
