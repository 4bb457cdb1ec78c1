import { decodeBytes } from "../../spec/byte-text.ts";
import { errno } from "../kernel/errno.ts";
import type { Fd } from "../kernel/fd.ts";
import { pathArgument } from "../kernel/path-argument.ts";
import { attempt, call, SyscallFailure } from "../kernel/syscall.ts";

/** Sets an extended attribute of an open file (not O_PATH). */
export function setXattr(fd: Fd, name: string, value: Uint8Array): void {
  call("fsetxattr", fd, pathArgument(name), value, value.length, 0);
}

/** As setXattr(); false when the file system, or the kind of file, has no such attributes. */
export function trySetXattr(fd: Fd, name: string, value: Uint8Array): boolean {
  const result = attempt("fsetxattr", fd, pathArgument(name), value, value.length, 0);
  if (result === -errno.EOPNOTSUPP) return false;
  if (result < 0) throw new SyscallFailure("fsetxattr", [fd, name, value, value.length, 0], -result);
  return true;
}

/** The value of an attribute, or undefined when the file has none of that name. */
export function findXattr(fd: Fd, name: string): Uint8Array | undefined {
  return sized((buffer) => attempt("fgetxattr", fd, pathArgument(name), buffer, buffer.length), "fgetxattr", [
    fd,
    name,
  ]);
}

// SAFETY: filled and read within one synchronous call, so one buffer serves all.
const nameBuffer: Uint8Array = new Uint8Array(1024);

/** Names of the attributes of an open file (not O_PATH); none where the file system has no attributes. */
export function listXattrs(fd: Fd): string[] {
  const length = attempt("flistxattr", fd, nameBuffer, nameBuffer.length);
  if (length >= 0) return length === 0 ? [] : split(nameBuffer.subarray(0, length));
  return split(sized((buffer) => attempt("flistxattr", fd, buffer, buffer.length), "flistxattr", [fd]));
}

/** The result of a call that answers ERANGE when the buffer is too small; undefined when there is nothing. */
function sized(
  read: (buffer: Uint8Array) => number,
  name: "fgetxattr" | "flistxattr",
  args: (string | number | Uint8Array)[],
): Uint8Array | undefined {
  for (let size = 1024; ; size *= 8) {
    const buffer = new Uint8Array(size);
    const length = read(buffer);
    if (length >= 0) return buffer.subarray(0, length);
    if (length === -errno.ENODATA || length === -errno.EOPNOTSUPP) return undefined;
    if (length !== -errno.ERANGE || size > 65_536) throw new SyscallFailure(name, args, -length);
  }
}

function split(names: Uint8Array | undefined): string[] {
  if (names === undefined) return [];
  return decodeBytes(names)
    .split("\0")
    .filter((name) => name !== "");
}
