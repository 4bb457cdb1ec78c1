import { Failure, isFailure } from "../../base/failure.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, O_WRONLY } from "../constants/open.ts";
import { errno, errnoName } from "../kernel/errno.ts";
import { OwnedFd } from "../kernel/fd.ts";
import { attempt, failureKindOfErrno } from "../kernel/syscall.ts";

/** `net.ipv4.conf.eth0.log_martians` or `net/ipv4/conf/eth0.5/log_martians` → a path. */
function pathOf(name: string): string {
  const path = name.includes("/") ? name : name.replaceAll(".", "/");
  if (
    !path.startsWith("net/") ||
    path.split("/").some((part) => part === "" || part === "." || part === "..")
  ) {
    throw new Failure("invalid", `cannot set "${name}": it is no parameter of the network`);
  }
  return `/proc/sys/${path}`;
}

/**
 * A parameter below net. of the network namespace of this thread. SAFETY: /proc is the host's own, and /proc/sys/net
 * shows the thread's namespace, regardless of which process mounted it.
 */
export function writeNetworkSysctl(name: string, value: string): void {
  const path = pathOf(name);
  const fd = attempt("openat", AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) throw refusal(name, value, -fd);
  using file = new OwnedFd(fd);
  const written = attempt("write", file.fd, value, Buffer.byteLength(value));
  if (written < 0) throw refusal(name, value, -written);
}

/** As writeNetworkSysctl(), but false when this kernel has no such parameter. */
export function tryNetworkSysctl(name: string, value: string): boolean {
  try {
    writeNetworkSysctl(name, value);
    return true;
  } catch (thrown) {
    if (isFailure(thrown, "invalid") && thrown.details.isUnknown === true) return false;
    throw thrown;
  }
}

function refusal(name: string, value: string, number: number): Failure {
  const detail = number === errno.ENOENT ? "this kernel has no such parameter" : errnoName(number);
  return new Failure(
    number === errno.ENOENT ? "invalid" : failureKindOfErrno(number),
    `cannot set ${name} to "${value}": ${detail}`,
    { details: { isUnknown: number === errno.ENOENT } },
  );
}

/** Undefined when there is none: IPv6 may be off altogether. */
export function findNetworkSysctl(name: string): string | undefined {
  const fd = attempt("openat", AT_FDCWD, pathOf(name), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return undefined;
  using file = new OwnedFd(fd);
  const bytes = Buffer.alloc(256);
  const length = attempt("read", file.fd, bytes, bytes.length);
  return length < 0 ? undefined : bytes.toString("latin1", 0, length).trim();
}
