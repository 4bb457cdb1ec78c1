import { codeOf } from "../../../base/failure.ts";
import { readdirSync } from "node:fs";
import { O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, O_WRONLY } from "../../constants/open.ts";
import { errno } from "../../kernel/errno.ts";
import { type Fd, OwnedFd } from "../../kernel/fd.ts";
import { attempt, call, isErrno } from "../../kernel/syscall.ts";

/** Opens a directory below another one as a place (O_PATH); one component at a time when hostile. */
export function openDirectoryAt(directory: Fd, path: string): OwnedFd {
  return new OwnedFd(call("openat", directory, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/** True when it was made, false when it is there already. */
export function makeDirectoryAt(directory: Fd, name: string): boolean {
  const result = attempt("mkdirat", directory, name, 0o755);
  if (result === -errno.EEXIST) return false;
  if (result < 0) call("mkdirat", directory, name, 0o755);
  return true;
}

/** Opens a control file to be written by another process: it stays open across the fork. */
export function openForWriting(directory: Fd, path: string): OwnedFd {
  return new OwnedFd(call("openat", directory, path, O_WRONLY | O_CLOEXEC));
}

/** Writes each value with a write(2) of its own: that is how these files take them. */
export function writeValues(directory: Fd, path: string, values: readonly string[]): void {
  using file = openForWriting(directory, path);
  for (const value of values) {
    try {
      call("write", file.fd, value, Buffer.byteLength(value));
    } catch (thrown) {
      throw new ControlFileFailure(path, value, thrown);
    }
  }
}

/** The kernel's error for a value; the sentence above it names the cgroup. */
export class ControlFileFailure extends Error {
  constructor(path: string, value: string, cause: unknown) {
    const file = path.slice(path.lastIndexOf("/") + 1);
    const code = isErrno(cause) || !(cause instanceof Error) ? String(cause) : cause.message;
    super(`"${value}" to ${file}: ${code.slice(code.lastIndexOf(" ") + 1)}`, { cause });
  }
}

/** Whether a write failed because the cgroup is not there, or not any more. */
export function isGone(thrown: unknown): boolean {
  const reason = thrown instanceof ControlFileFailure ? thrown.cause : thrown;
  return isErrno(reason, "ENOENT", "ENODEV");
}

/** The whole text of a control file; undefined when it, or its cgroup, is gone. */
export function readFileAt(directory: Fd, path: string): string | undefined {
  const fd = attempt("openat", directory, path, O_RDONLY | O_CLOEXEC);
  if (fd === -errno.ENOENT || fd === -errno.ENODEV) return undefined;
  using file = new OwnedFd(fd < 0 ? call("openat", directory, path, O_RDONLY | O_CLOEXEC) : fd);
  const parts: Buffer[] = [];
  for (;;) {
    const part = Buffer.allocUnsafe(4096);
    const length = attempt("read", file.fd, part, part.length);
    if (length === -errno.ENODEV || length === -errno.EOPNOTSUPP) return undefined; // removed meanwhile; threaded
    if (length < 0) call("read", file.fd, part, part.length);
    if (length <= 0) break;
    parts.push(part.subarray(0, length));
  }
  return Buffer.concat(parts).toString("latin1");
}

/** The cgroups directly below; none when it is gone. */
export function listDirectories(directory: Fd): string[] {
  try {
    return readdirSync(`/proc/self/fd/${directory}`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (thrown) {
    if (["ENOENT", "ENODEV"].includes(codeOf(thrown) ?? "")) return [];
    throw thrown;
  }
}

/** The numbers of a file with one `name number` a line. */
export function parseFlatKeyed(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) numbers.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return numbers;
}
