import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { posix } from "node:path";
import { log } from "../../../base/log.ts";
import { sentenceOf } from "../../../base/failure.ts";
import { readFileInRoot } from "../../../linux/files/open.ts";
import type { Fd } from "../../../linux/kernel/fd.ts";
import { type ElfLibrary, findElfLibrary } from "../../../spec/elf-library.ts";
import { formatLdCache, type LdCacheEntry, parseLdCache } from "../../../spec/ld-cache.ts";
import type { RuntimeMount } from "../../../spec/runtime-config.ts";
import type { ContainerContext } from "../../context.ts";
import { writeContainerFile } from "../../networks/network-files.ts";
import type { HookEffects } from "../../resolve/device-hooks.ts";
import type { ContainerRecord } from "../../state/records.ts";

const mostCacheBytes = 8 * 1024 ** 2;

/** Libraries that devices mount into these folders, as the dynamic linker is to find them. */
export interface MountedLibraries {
  /** From a library's name (`libcuda.so.1`) to its file, where they differ. */
  readonly links: HookEffects["links"];
  readonly entries: readonly LdCacheEntry[];
}

/** What ldconfig would find of the mounts in these folders. Files of the host that are no libraries are left out. */
export function findMountedLibraries(
  folders: readonly string[],
  mounts: readonly RuntimeMount[],
): MountedLibraries {
  const known = new Set(folders);
  const links: { path: string; target: string }[] = [];
  const entries: LdCacheEntry[] = [];
  for (const { destination, source = "" } of mounts) {
    const folder = posix.dirname(destination);
    const file = posix.basename(destination);
    if (!known.has(folder) || !/\.so(?:\.|$)/.test(file)) continue;
    const library = readLibrary(source);
    if (library === undefined) continue;
    const { soname: name = file, cacheFlags: flags } = library;
    if (name.includes("/")) continue;
    if (name !== file) links.push({ path: posix.join(folder, name), target: file });
    entries.push({ flags, name, path: posix.join(folder, name) });
  }
  return { links, entries };
}

function readLibrary(path: string): ElfLibrary | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) return undefined;
    const opened = fd;
    return findElfLibrary((offset, length) => {
      const buffer = Buffer.alloc(length);
      return buffer.subarray(0, readSync(opened, buffer, 0, length, offset));
    });
  } catch (thrown) {
    log("warning", `CDI: cannot read the library ${path}: ${sentenceOf(thrown)}`);
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * The file that stands for /etc/ld.so.cache, by target: the image's entries behind those of the mounted libraries.
 * SAFETY: no program of the image makes it, and its own cache is only read. A cache that is damaged counts as none, as
 * for the dynamic linker.
 */
export function makeLibraryCache(
  { paths }: ContainerContext,
  record: ContainerRecord,
  { root, entries }: { readonly root: Fd; readonly entries: readonly LdCacheEntry[] },
): Readonly<Record<string, string>> {
  if (entries.length === 0) return {};
  const path = paths.file(record.id, "ld.so.cache");
  writeContainerFile(path, formatLdCache([...entries, ...readCache(root)]), record);
  return { "/etc/ld.so.cache": path };
}

function readCache(root: Fd): readonly LdCacheEntry[] {
  const bytes = readFileInRoot(root, "etc/ld.so.cache", { limit: mostCacheBytes });
  return (bytes && parseLdCache(bytes)) ?? [];
}
