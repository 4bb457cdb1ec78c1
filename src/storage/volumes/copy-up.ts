import { fchmodSync, fchownSync, mkdirSync } from "node:fs";
import { fault } from "../../base/fault.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import { listDirectory } from "../../linux/files/directory.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { openBeneath } from "../../linux/files/open.ts";
import { renameEntry, tryMoveEntry } from "../../linux/files/rename.ts";
import { findStatAt, statFd } from "../../linux/files/stat.ts";
import { syncFile, syncFilesystem } from "../../linux/files/sync.ts";
import { packEntry, removeTree, unpackLayer } from "../../linux/tree/tree.ts";
import { findXattr, listXattrs, trySetXattr } from "../../linux/files/xattr.ts";

/** Whether no marker of an unfinished copy is left next to it. */
export function isWhole(volume: Fd): boolean {
  return [draftName, readyName].every((name) => findStatAt(volume, name) === undefined);
}

/** The directory that containers see. */
export const dataName = "_data";
/** Content that is being copied, and content that is whole and has to be moved to its place. */
const draftName = "_copy";
const readyName = "_ready";
/** Marks a directory whose content belongs to the user while its copy is incomplete. */
const markName = "_filling";

/**
 * Fills an empty volume with the content of `source`, a directory of an image: owners, modes, times, links, extended
 * attributes, and those of the directory itself. False when the volume has something in it already.
 *
 * SAFETY: it is copied aside, written to the disk and renamed "ready" before the first entry appears in the volume, so
 * that what a crash interrupts is either undone or finished (finishCopyUp) but never taken for whole. The volume may be
 * in use by containers meanwhile: entries are moved in by descriptor, one name each, and replace nothing.
 */
export async function copyUp(volume: Fd, source: Fd): Promise<boolean> {
  using data = openChild(volume, dataName);
  if (!isEmpty(data.fd)) return false;
  await removeTree(volume, draftName);
  mkdirSync(`/proc/self/fd/${volume}/${draftName}`, { mode: 0o700 });
  {
    using draft = openChild(volume, draftName);
    await unpackLayer(packEntry(source, { as: "." }), draft.fd, { whiteouts: "plain" });
    await syncFilesystem(draft.fd);
  }
  fault("volume.copied");
  if (!isEmpty(data.fd)) {
    await removeTree(volume, draftName);
    return false;
  }
  renameEntry(volume, draftName, readyName);
  await syncVolume(volume);
  fault("volume.ready");
  await finishCopyUp(volume);
  return true;
}

/**
 * As copyUp(), into the mount of the volume, whose content cannot be replaced as a whole. A mark on the disk records an
 * interrupted copy, which the next attempt restarts.
 */
export async function copyUpMounted(volume: Fd, mounted: Fd, source: Fd): Promise<void> {
  using data = openChild(mounted, ".");
  if (findStatAt(volume, markName) === undefined) {
    if (!isEmpty(data.fd)) return;
    mkdirSync(`/proc/self/fd/${volume}/${markName}`, { mode: 0o700 });
    await syncVolume(volume);
  }
  await unpackLayer(packEntry(source, { as: "." }), data.fd, { whiteouts: "plain" });
  await syncFilesystem(data.fd);
  await removeTree(volume, markName);
}

/** Undoes or finishes what copyUp() had begun when it was interrupted. Idempotent. */
export async function finishCopyUp(volume: Fd): Promise<void> {
  await removeTree(volume, draftName);
  if (findStatAt(volume, readyName)?.kind !== "directory") return;
  using ready = openChild(volume, readyName);
  using data = openChild(volume, dataName);
  for (const { name } of listDirectory(ready.fd)) {
    tryMoveEntry(ready.fd, name, data.fd);
    fault("volume.moved");
  }
  copyOwner(ready.fd, data.fd);
  await syncFile(data.fd);
  await removeTree(volume, readyName);
  await syncVolume(volume);
}

function openChild(directory: Fd, name: string): OwnedFd {
  return openBeneath(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

function isEmpty(directory: Fd): boolean {
  return listDirectory(directory).length === 0;
}

async function syncVolume(volume: Fd): Promise<void> {
  using readable = openBeneath(volume, ".", O_RDONLY | O_DIRECTORY);
  await syncFile(readable.fd);
}

/**
 * The archive's attributes on the draft are those that an image may set: labels of the host's security modules are
 * excluded.
 */
function copyOwner(from: Fd, to: Fd): void {
  const { uid, gid, permissions } = statFd(from);
  fchownSync(to, uid, gid);
  fchmodSync(to, permissions);
  for (const name of listXattrs(from)) {
    if (!/^(?:user\.|system\.posix_acl_)/.test(name)) continue;
    const value = findXattr(from, name);
    if (value !== undefined) trySetXattr(to, name, value);
  }
}
