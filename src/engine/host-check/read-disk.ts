import { required } from "../../base/required.ts";
import { existsSync, realpathSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { O_RDWR } from "../../linux/constants/open.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { trySetXattr } from "../../linux/files/xattr.ts";
import { hasEntryTypes } from "../../linux/files/directory.ts";
import { openUnnamed } from "../../linux/files/unnamed-file.ts";
import { OwnedFd } from "../../linux/kernel/fd.ts";
import { listMounts, type MountEntry } from "../../linux/mount/mountinfo.ts";
import { projectUse } from "../../linux/mount/project-quota.ts";
import { tryClone } from "../../linux/files/clone-file.ts";
import type { DiskFacts } from "./facts.ts";
import { findText } from "./read-text.ts";

export function readDisk({
  dataRoot,
  runRoot,
}: {
  readonly dataRoot: string;
  readonly runRoot: string;
}): DiskFacts {
  const mounts = listMounts();
  const lookedAt = nearest(dataRoot);
  const run = nearest(runRoot);
  const { type, target, source, options, superOptions } = mountOf(lookedAt, mounts);
  const runMount = mountOf(run, mounts);
  const status = statfsSync(lookedAt);
  return {
    dataRoot,
    runRoot,
    lookedAt,
    type,
    mountPoint: target,
    source,
    options: [...new Set([...options, ...superOptions.filter((option) => option === "ro")])],
    freeBytes: status.bavail * status.bsize,
    totalBytes: status.blocks * status.bsize,
    freeInodes: status.ffree,
    totalInodes: status.files,
    driver: findText(`${dataRoot}/storage/driver`),
    features: findFeatures(lookedAt),
    run: { lookedAt: run, type: runMount.type, options: runMount.options },
  };
}

/** The path, or the directory above it that exists, as far as this user can see. */
function nearest(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return realpathSync(at);
}

/** Of mounts that cover each other, the last is seen. */
function mountOf(path: string, mounts: readonly MountEntry[]): MountEntry {
  const length = (entry: MountEntry): number => (entry.target === "/" ? 1 : entry.target.length + 1);
  const above = mounts.filter(({ target }) => target === "/" || `${path}/`.startsWith(`${target}/`));
  const longest = Math.max(...above.map(length));
  return required(above.findLast((entry) => length(entry) === longest));
}

/** By files without a name, which leave nothing. Undefined where this user may not write, and without the addon. */
function findFeatures(directory: string): DiskFacts["features"] {
  try {
    using opened = openDirectoryPath(directory);
    const open = (): OwnedFd => openUnnamed(opened.fd, O_RDWR);
    using one = open();
    using other = open();
    return {
      entryTypes: hasEntryTypes(opened.fd),
      userXattr: trySetXattr(one.fd, "user.tare.probe", Uint8Array.of(1)),
      reflink: tryClone(one.fd, other.fd),
      projectQuota: hasProjectQuota(opened.fd),
    };
  } catch {
    return undefined;
  }
}

function hasProjectQuota(fd: number): boolean {
  try {
    projectUse(fd, 1);
    return true;
  } catch {
    return false;
  }
}
