import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../constants/open.ts";
import { type Fd, OwnedFd } from "../../kernel/fd.ts";
import { attempt, call } from "../../kernel/syscall.ts";
import { findXattr, trySetXattr } from "../../files/xattr.ts";

/**
 * Marks a directory that an engine created for its containers, so that the engine may remove it. Only root can set the
 * mark.
 */
const attribute = "trusted.tare";
const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/** Without such attributes in this file system it stays unmarked, and so it stays. */
export function setMark(parent: Fd, name: string, mark: string): void {
  using directory = new OwnedFd(call("openat", parent, name, flags));
  trySetXattr(directory.fd, attribute, Buffer.from(mark));
}

/** As setMark(), of a directory that is there; what is not there needs none. */
export function markPath(path: string, mark: string): void {
  const fd = attempt("openat", AT_FDCWD, path, flags);
  if (fd < 0) return;
  using directory = new OwnedFd(fd);
  trySetXattr(directory.fd, attribute, Buffer.from(mark));
}

export function hasMark(path: string, mark: string): boolean {
  const fd = attempt("openat", AT_FDCWD, path, flags);
  if (fd < 0) return false;
  using directory = new OwnedFd(fd);
  const found = findXattr(directory.fd, attribute);
  return found !== undefined && Buffer.from(found).equals(Buffer.from(mark));
}
