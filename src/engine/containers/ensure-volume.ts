import { chmodSync, chownSync, existsSync, renameSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { within } from "../../base/failure.ts";
import { O_DIRECTORY, O_RDONLY } from "../../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../../linux/fd.ts";
import { openDirectoryPath, openInRoot } from "../../linux/open.ts";
import { statFd } from "../../linux/stat.ts";
import { isErrno } from "../../linux/syscall.ts";
import { type IdMaps, toContainerOwner } from "../../spec/id-map.ts";
import { packTree, unpackLayer } from "../../linux/tree.ts";

/**
 * The directory of an anonymous volume, filled at first with what the image has at its target. Made beside its
 * place and renamed, so it is whole or absent. Idempotent.
 */
export async function ensureVolume(
  directory: string,
  { root, target, idMaps }: { readonly root: Fd; readonly target: string; readonly idMaps?: IdMaps },
): Promise<void> {
  if (existsSync(directory)) return;
  const draft = `${directory}.new`;
  try {
    await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o755 });
    using source = findDirectory(root, target);
    if (source !== undefined) await copyUp(source.fd, { draft, ...(idMaps === undefined ? {} : { idMaps }) });
    renameSync(draft, directory);
  } catch (thrown) {
    throw within(`cannot make the volume for "${target}"`, thrown);
  }
}

/** SAFETY: resolved inside the root; a link that the image put there leads nowhere else. */
function findDirectory(root: Fd, target: string): OwnedFd | undefined {
  try {
    return openInRoot(root, target, O_RDONLY | O_DIRECTORY);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return undefined;
    throw thrown;
  }
}

async function copyUp(
  source: Fd,
  { draft, ...options }: { readonly draft: string; readonly idMaps?: IdMaps },
): Promise<void> {
  using into = openDirectoryPath(draft);
  await unpackLayer(packTree(source, options), into.fd, { whiteouts: "plain" });
  const { permissions, ...owner } = statFd(source);
  const { uid, gid } = options.idMaps === undefined ? owner : toContainerOwner(owner, options.idMaps);
  chownSync(draft, uid, gid);
  chmodSync(draft, permissions);
}
