import { readdir } from "node:fs/promises";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, RESOLVE_NO_SYMLINKS } from "../../linux/constants/open.ts";
import type { Fd } from "../../linux/fd.ts";
import { openBeneath } from "../../linux/open.ts";
import { findStatAt, type Stat, statFd } from "../../linux/stat.ts";
import { isErrno } from "../../linux/syscall.ts";
import { decodeBytes } from "../../spec/byte-text.ts";
import type { StorageUsage } from "../driver.ts";

/**
 * Space and inodes of a directory with all below it; a file with several names counts once. What a container
 * removes or exchanges meanwhile, and what lies deeper than a path can say (4 KiB), is left out. Links are not
 * followed, and one directory at a time is open however deep they nest.
 */
export async function diskUsage(
  root: Fd,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<StorageUsage> {
  const counted = new Set<bigint>();
  let bytes = 0;
  let inodes = 0;
  let contentBytes = 0;
  const count = (stat: Stat): void => {
    if (stat.links > 1 && stat.kind !== "directory") {
      if (counted.has(stat.inode)) return;
      counted.add(stat.inode);
    }
    bytes += stat.blocks * 512;
    if (stat.kind === "file" || stat.kind === "symlink") contentBytes += stat.size;
    inodes++;
  };
  count(statFd(root));
  const waiting: string[] = [""];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    signal?.throwIfAborted();
    for (const [name, stat] of await listBelow(root, path)) {
      count(stat);
      if (stat.kind === "directory") waiting.push(path === "" ? name : `${path}/${name}`);
    }
  }
  return { bytes, inodes, contentBytes };
}

async function listBelow(root: Fd, path: string): Promise<[name: string, stat: Stat][]> {
  try {
    using directory = openBeneath(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
    const names = await readdir(`/proc/self/fd/${directory.fd}`, { encoding: "buffer" });
    return names.flatMap((bytes) => {
      const name = decodeBytes(bytes);
      const stat = findStatAt(directory.fd, name);
      return stat === undefined ? [] : [[name, stat] as [string, Stat]];
    });
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG")) return [];
    throw thrown;
  }
}
