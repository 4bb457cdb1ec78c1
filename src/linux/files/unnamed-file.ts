import { O_CLOEXEC, O_TMPFILE } from "../constants/open.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { call } from "../kernel/syscall.ts";

/**
 * A file without a name on the file system of a directory; gone when it is closed. The caller disposes of it. open(2)
 */
export function openUnnamed(directory: Fd, flags: number): OwnedFd {
  return new OwnedFd(call("openat", directory, ".", flags | O_TMPFILE | O_CLOEXEC, 0o600));
}
