import { O_CLOEXEC, O_RDONLY } from "../../../constants/open.ts";
import { errno } from "../../../kernel/errno.ts";
import { type Fd, OwnedFd } from "../../../kernel/fd.ts";
import { attempt, call } from "../../../kernel/syscall.ts";

/** Longer than any of these files; one for all, since nothing waits between the call and the text. */
const space = Buffer.alloc(64 * 1024);
const newline = 10;

/**
 * As readFileAt(), for files that the kernel writes in one piece: half the calls, nothing allocated. Undefined when the
 * file, or its cgroup, is gone.
 */
export function readFigures(directory: Fd, path: string): string | undefined {
  const fd = attempt("openat", directory, path, O_RDONLY | O_CLOEXEC);
  if (fd === -errno.ENOENT || fd === -errno.ENODEV || fd === -errno.EOPNOTSUPP) return undefined;
  using file = new OwnedFd(fd < 0 ? call("openat", directory, path, O_RDONLY | O_CLOEXEC) : fd);
  let length = 0;
  do {
    const more = attempt("read", file.fd, space.subarray(length), space.length - length);
    if (more === -errno.ENODEV || more === -errno.EOPNOTSUPP) return undefined; // removed meanwhile; psi is off
    if (more < 0) call("read", file.fd, space, 0);
    if (more <= 0) break;
    length += more;
  } while (length < space.length && space[length - 1] !== newline);
  return space.toString("latin1", 0, length);
}
