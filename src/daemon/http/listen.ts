import { chmodSync, closeSync, constants, lstatSync, openSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { basename, dirname } from "node:path";
import { Failure } from "../../base/failure.ts";

// KERNEL: sun_path holds 108 bytes with the closing NUL (unix(7)).
const pathLimitBytes = 107;

/**
 * Binds the server to a socket that root and its group can use (0660). Replaces a socket without a listener. Throws
 * Failure("conflict") for a socket with a daemon, or for a file that is no socket. Disposing removes the socket.
 */
export async function listen(server: Server, socketPath: string): Promise<Disposable> {
  // SAFETY: the folder stays open, so that what is bound, checked and removed is in the same place for good.
  const folder = openFolder(socketPath);
  try {
    const through = `/proc/self/fd/${folder}/${basename(socketPath)}`;
    const path = Buffer.byteLength(socketPath) > pathLimitBytes ? through : socketPath;
    await removeStale(path, socketPath);
    await bind(server, path, socketPath);
    chmodSync(through, 0o660);
    const { ino } = lstatSync(through);
    return {
      [Symbol.dispose]: () => {
        removeOwn(through, ino);
        closeSync(folder);
      },
    };
  } catch (thrown) {
    closeSync(folder);
    throw thrown;
  }
}

/** Serves at a listening socket of the service manager's, which stays when the server closes. */
export async function listenAtFd(server: Server, fd: number): Promise<Disposable> {
  // Not by node:http: there, Bun opens a TCP port on all interfaces instead.
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ fd }, () => {
    server.off("error", reject);
    resolve();
  });
  await promise;
  return { [Symbol.dispose]: () => undefined };
}

function openFolder(socketPath: string): number {
  try {
    return openSync(dirname(socketPath), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (cause) {
    const sentence = `cannot listen on "${socketPath}": its folder can't be opened`;
    throw new Failure("invalid", sentence, { cause });
  }
}

async function removeStale(path: string, socketPath: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new Failure("conflict", `cannot listen on "${socketPath}": something that is no socket is there`);
  }
  if (await isAnswered(path)) {
    throw new Failure("conflict", `cannot listen on "${socketPath}": another daemon listens there`);
  }
  unlinkSync(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const answer = (isLive: boolean): void => {
      socket.destroy();
      resolve(isLive);
    };
    socket.once("connect", () => answer(true));
    // EAGAIN: the queue is full, so a process listens.
    socket.once("error", (error: NodeJS.ErrnoException) => answer(error.code === "EAGAIN"));
  });
}

function bind(server: Server, path: string, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      reject(new Failure("unavailable", `cannot listen on "${socketPath}": ${cause.message}`, { cause }));
    };
    // SAFETY: between bind and chmod no other user may connect: the umask restricts the socket to its owner.
    const umask = process.umask(0o177);
    server.once("error", onError);
    server.listen({ path }, () => {
      server.off("error", onError);
      resolve();
    });
    process.umask(umask);
  });
}

/** Does not remove a socket that another process has created at the same path. */
function removeOwn(path: string, ino: number): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && found.ino === ino) unlinkSync(path);
}
