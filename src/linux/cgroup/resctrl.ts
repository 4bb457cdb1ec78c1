import { statfsSync } from "node:fs";
import { Failure, within } from "../../base/failure.ts";
import { O_DIRECTORY, O_PATH, O_WRONLY, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from "../constants/open.ts";
import type { OwnedFd } from "../kernel/fd.ts";
import { openBeneath, openDirectoryPath } from "../files/open.ts";
import { isErrno } from "../kernel/syscall.ts";

const mountPoint = "/sys/fs/resctrl";
/** SPEC: RDTGROUP_SUPER_MAGIC of linux/magic.h */
const magic = 0x7655821;

/** One component, that is neither hidden nor a file of the kernel's own. */
export function isResctrlClass(name: string): boolean {
  return /^[^/\0]{1,255}$/.test(name) && name !== "." && name !== ".." && !ownNames.has(name);
}

const ownNames: ReadonlySet<string> = new Set(["info", "mon_data", "mon_groups"]);

/**
 * The file of a class of the kernel's resource control to which a process writes `0` to join it, with all that it will
 * start. Throws "unsupported" where the kernel has none, saying what is missing; "invalid" for a class that is not
 * there.
 */
export function openResctrlTasks(name: string): OwnedFd {
  const about = `cannot use the class "${name}" of cache and memory bandwidth`;
  if (!isResctrlClass(name))
    throw new Failure("invalid", `${about}: it must be the name of a directory in ${mountPoint}`);
  if (!isMounted()) {
    throw new Failure(
      "unsupported",
      `${about}: ${mountPoint} is not mounted; it needs a processor with RDT, a kernel with CONFIG_X86_CPU_RESCTRL, and: mount -t resctrl resctrl ${mountPoint}`,
    );
  }
  try {
    // SAFETY: by descriptor, within this one file system, through no link.
    const resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    using root = openDirectoryPath(mountPoint);
    using directory = openBeneath(root.fd, name, O_PATH | O_DIRECTORY, 0, resolve);
    return openBeneath(directory.fd, "tasks", O_WRONLY, 0, resolve);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR"))
      throw new Failure("invalid", `${about}: there is none; make it: mkdir ${mountPoint}/${name}`, {
        cause: thrown,
      });
    throw within(about, thrown);
  }
}

function isMounted(): boolean {
  try {
    return statfsSync(mountPoint).type === magic;
  } catch {
    return false;
  }
}
