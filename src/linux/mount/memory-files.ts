import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from "../constants/mount.ts";
import { AT_EMPTY_PATH, O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } from "../constants/open.ts";
import { OwnedFd } from "../kernel/fd.ts";
import { createFilesystem, type FilesystemParameter, setMountAttributes } from "./mount.ts";
import { call } from "../kernel/syscall.ts";

export interface MemoryFile {
  /** One component. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly uid: number;
  readonly gid: number;
  /** 0 to 0o7777 */
  readonly mode: number;
}

/**
 * A tmpfs with these files, read-only, detached: they are in memory alone, and gone with the last descriptor and the
 * last clone of a file. Where the kernel can (6.4), they are not written to swap either. The caller disposes of it.
 */
export function createMemoryFiles(files: readonly MemoryFile[]): OwnedFd {
  const bytes = files.reduce((sum, file) => sum + Math.ceil(file.bytes.length / pageBytes) * pageBytes, 0);
  const parameters: readonly FilesystemParameter[] = [
    ["mode", "0755"], // one in a user namespace has no rights of its own there, and clones the files
    ["size", String(bytes + pageBytes)],
    ["nr_inodes", String(files.length + 8)],
  ];
  using made = createTmpfs(parameters);
  for (const file of files) {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    using fd = new OwnedFd(call("openat", made.fd, file.name, flags, 0o600));
    for (let at = 0; at < file.bytes.length; ) {
      const rest = file.bytes.subarray(at);
      at += call("write", fd.fd, rest, rest.length);
    }
    call("fchownat", fd.fd, "", file.uid, file.gid, AT_EMPTY_PATH);
    call("fchmod", fd.fd, file.mode);
  }
  const set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  setMountAttributes(made.fd, { set, propagation: "private" });
  return new OwnedFd(made.move());
}

const pageBytes = 65_536; // the largest that there is

// KERNEL(6.4): "noswap"; refused as unknown before, and where the caller may not.
function createTmpfs(parameters: readonly FilesystemParameter[]): OwnedFd {
  try {
    return createFilesystem("tmpfs", [...parameters, ["noswap", true]], { source: "secrets" });
  } catch {
    return createFilesystem("tmpfs", parameters, { source: "secrets" });
  }
}
