import { Failure } from "../../base/failure.ts";
import type { Fd } from "../kernel/fd.ts";
import { call } from "../kernel/syscall.ts";

// <asm-generic/socket.h>, <linux/socket.h>, <asm-generic/fcntl.h>
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/** SPEC: sd_listen_fds(3): SD_LISTEN_FDS_START. */
const firstFd = 3;

export interface InheritedSocket {
  readonly fd: Fd;
  /** Absolute path that clients connect to. */
  readonly path: string;
}

/**
 * The listening Unix socket that a service manager opened before it started this process, by sd_listen_fds(3). Throws
 * "invalid" when there is none, or when it is anything else: a TCP socket would give every user of the network root
 * access.
 */
export function takeInheritedSocket(env: Readonly<Record<string, string | undefined>>): InheritedSocket {
  const count = env["LISTEN_PID"] === String(process.pid) ? Number(env["LISTEN_FDS"] ?? 0) : 0;
  if (count !== 1) {
    throw new Failure(
      "invalid",
      `cannot serve at "fd://": want one socket from the service manager, not ${count} (LISTEN_FDS)`,
    );
  }
  call("fcntl", firstFd, F_SETFD, FD_CLOEXEC);
  const isUnix = readOption(firstFd, SO_DOMAIN) === AF_UNIX && readOption(firstFd, SO_TYPE) === SOCK_STREAM;
  if (!isUnix || readOption(firstFd, SO_ACCEPTCONN) !== 1) {
    throw new Failure(
      "invalid",
      'cannot serve at "fd://": the socket must be a listening Unix stream socket',
    );
  }
  return { fd: firstFd, path: readPath(firstFd) };
}

function readOption(fd: Fd, option: number): number {
  const [value, length] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32LE(4);
  call("getsockopt", fd, SOL_SOCKET, option, value, length);
  return value.readInt32LE(0);
}

/** KERNEL: unix(7): two bytes of family, then the path with its NUL. */
function readPath(fd: Fd): string {
  const [address, length] = [Buffer.alloc(110), Buffer.alloc(4)];
  length.writeUInt32LE(address.length);
  call("getsockname", fd, address, length);
  const path = address.toString("utf8", 2, Math.max(2, length.readUInt32LE(0))).replace(/\0.*$/s, "");
  if (path.startsWith("/")) return path;
  throw new Failure("invalid", 'cannot serve at "fd://": the socket must have an absolute path');
}
