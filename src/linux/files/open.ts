import { Failure } from "../../base/failure.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from "../constants/open.ts";
import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { pathArgument } from "../kernel/path-argument.ts";
import { statFd } from "./stat.ts";
import { attempt, call, isErrno, SyscallFailure } from "../kernel/syscall.ts";

/** openat2(2) returns EAGAIN while a concurrent rename or mount makes ".." unsafe to resolve: the number of retries. */
const RACES_TOLERATED = 256;

/**
 * Opens a path with `root` as the root directory: "/", ".." and symbolic links never lead out of it, and links
 * of /proc are refused. Close-on-exec. The caller owns the descriptor. Throws SyscallFailure.
 * `path` may be absolute (then from `root`); "" is the root itself.
 */
export function openInRoot(root: Fd, path: string, flags: number, mode = 0): OwnedFd {
  return openResolved(root, path === "" ? "." : path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/**
 * As openInRoot(), but a path or link that leads out of `directory` fails with EXDEV instead of being taken from
 * it; absolute paths always do. `resolve` adds RESOLVE_ flags, such as RESOLVE_NO_SYMLINKS.
 */
export function openBeneath(directory: Fd, path: string, flags: number, mode = 0, resolve = 0): OwnedFd {
  const how = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve;
  return openResolved(directory, path === "" ? "." : path, flags, mode, how);
}

/** Opens a directory of the host by a path that no hostile user can change; follows links. */
export function openDirectoryPath(path: string): OwnedFd {
  return new OwnedFd(call("openat", AT_FDCWD, pathArgument(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/**
 * The bytes of a regular file below `root`, or undefined when there is none. Never waits on a fifo and never
 * opens a device. Throws "invalid" when it is something else than a file or longer than `limit` bytes.
 */
export function readFileInRoot(
  root: Fd,
  path: string,
  { limit }: { readonly limit: number },
): Uint8Array | undefined {
  let opened: OwnedFd;
  try {
    opened = openInRoot(root, path, O_PATH);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return undefined;
    throw thrown;
  }
  using found = opened;
  const stat = statFd(found.fd);
  if (stat.kind !== "file") {
    throw new Failure("invalid", `cannot read ${JSON.stringify(path)}: it is a ${stat.kind}, not a file`);
  }
  // SAFETY: reopens exactly the file that was checked, even if another file has replaced it at its path.
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  using file = new OwnedFd(call("openat", AT_FDCWD, `/proc/self/fd/${found.fd}`, flags));
  return readAll(file.fd, path, { limit, expected: stat.size });
}

/** The target of the symbolic link `name` (one component) in a directory. */
export function readLinkAt(directory: Fd, name: string): Uint8Array {
  const buffer = new Uint8Array(4096);
  const length = call("readlinkat", directory, pathArgument(name), buffer, buffer.length);
  return buffer.subarray(0, length);
}

/** The target of a symbolic link that was opened with O_PATH | O_NOFOLLOW. */
export function readLinkFd(fd: Fd): Uint8Array {
  return readLinkAt(fd, "");
}

const how: Uint8Array = new Uint8Array(24);
const howView: DataView = new DataView(how.buffer);

// SPEC: struct open_how { u64 flags; u64 mode; u64 resolve; }
function openResolved(directory: Fd, path: string, flags: number, mode: number, resolve: number): OwnedFd {
  const argument = pathArgument(path);
  howView.setBigUint64(0, BigInt(flags | O_CLOEXEC), true);
  howView.setBigUint64(8, BigInt(mode), true);
  howView.setBigUint64(16, BigInt(resolve), true);
  let result = -errno.EAGAIN;
  for (let tries = 0; tries < RACES_TOLERATED; tries++) {
    result = attempt("openat2", directory, argument, how, how.length);
    if (result >= 0) return new OwnedFd(result);
    if (result !== -errno.EAGAIN && result !== -errno.EINTR) break;
  }
  throw new SyscallFailure("openat2", [directory, path, how, how.length], -result);
}

function readAll(
  fd: Fd,
  path: string,
  bounds: { readonly limit: number; readonly expected: number },
): Uint8Array {
  // One byte more than the limit distinguishes too long from just fitting; a file may also grow while it is read.
  let buffer = new Uint8Array(Math.min(bounds.limit, Math.max(bounds.expected, 4096)) + 1);
  let length = 0;
  for (;;) {
    const read = call("read", fd, buffer.subarray(length), buffer.length - length);
    if (read === 0) return buffer.slice(0, length);
    length += read;
    if (length > bounds.limit) {
      throw new Failure(
        "invalid",
        `cannot read ${JSON.stringify(path)}: it is longer than ${bounds.limit} bytes`,
      );
    }
    if (length === buffer.length) {
      const larger = new Uint8Array(Math.min(bounds.limit + 1, buffer.length * 2));
      larger.set(buffer);
      buffer = larger;
    }
  }
}
