import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeDevice } from "../../spec/runtime-config.ts";

/** Directories and names of /dev that belong to the host's own terminals and mounts, not to a container. */
const left: ReadonlySet<string> = new Set([
  "pts",
  "shm",
  "fd",
  "mqueue",
  "console",
  ".lxc",
  ".lxd-mounts",
  ".udev",
]);

/** All device nodes below `directory`, for a privileged container. */
export function listHostDevices(directory = "/dev"): readonly RuntimeDevice[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry): readonly RuntimeDevice[] => {
    const path = join(directory, entry.name);
    if (left.has(entry.name)) return [];
    if (entry.isDirectory()) return listHostDevices(path);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    const { rdev, mode, uid, gid } = lstatSync(path);
    // SPEC: makedev(3), as the kernel encodes it for 64 bits.
    const major = (Math.floor(rdev / 2 ** 32) & ~0xfff) | ((rdev >>> 8) & 0xfff);
    const minor = (Math.floor(rdev / 2 ** 12) & ~0xff) | (rdev & 0xff);
    const type = entry.isBlockDevice() ? "b" : "c";
    return [{ type, path, major, minor, fileMode: mode & 0o7777, uid, gid }];
  });
}
