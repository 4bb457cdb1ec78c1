import { connect, type Socket } from "node:net";
import { Failure } from "../../base/failure.ts";
import { AT_FDCWD, O_CLOEXEC } from "../../linux/constants/open.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { attempt, call } from "../../linux/kernel/syscall.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
export const socketName = "keeper.sock";

/** A path that is short wherever the directory lies: unix(7) allows 107 bytes. */
function socketPath(directory: Fd): string {
  return `/proc/self/fd/${directory}/${socketName}`;
}

/** A listening socket in the directory (which is 0700: that is its protection); one of an earlier life is replaced. */
export function listenIn(directory: Fd): OwnedFd {
  attempt("unlinkat", directory, socketName, 0);
  using socket = new OwnedFd(call("socket", AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0));
  const address = Buffer.alloc(110);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(socketPath(directory), 2);
  call("bind", socket.fd, address, 2 + socketPath(directory).length + 1);
  call("listen", socket.fd, 64);
  return new OwnedFd(socket.move());
}

/**
 * Takes a listening socket out of the directory, where the next one can listen then. `to`: a path of the same file
 * system.
 */
export function putSocketAside(directory: Fd, to: string): void {
  call("renameat2", directory, socketName, AT_FDCWD, to, 0);
}

/** Gives such a one to another directory; one of an earlier life is replaced. */
export function moveSocket(from: string, to: Fd): void {
  call("renameat2", AT_FDCWD, from, to, socketName, 0);
}

/** Connects to a keeper. Failure "unavailable" when no keeper listens. */
export async function connectKeeper(directory: Fd): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ path: socketPath(directory), allowHalfOpen: true });
  socket.once("connect", () => resolve(socket));
  socket.once("error", (cause: NodeJS.ErrnoException) => {
    const why = ["ECONNREFUSED", "ENOENT"].includes(cause.code ?? "") ? "it has gone" : cause.message;
    reject(new Failure("unavailable", `cannot connect to the keeper: ${why}`, { cause }));
  });
  const connected = await promise;
  connected.removeAllListeners("error");
  connected.on("error", () => {}); // its end is what counts
  return connected;
}
