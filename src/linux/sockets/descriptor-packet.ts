import { chmodSync, rmSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { call } from "../kernel/syscall.ts";
import {
  acceptUnixConnection,
  bindUnixSocket,
  connectUnixSocket,
  openUnixSocket,
  readPeer,
  receiveUnixMessage,
  sendUnixMessage,
} from "./unix-message.ts";

/**
 * A socket at a path that takes one packet of descriptors, from a process of the same user. Disposing removes it with
 * all that came.
 */
export class DescriptorSocket implements Disposable {
  readonly #path: string;
  readonly #listening: OwnedFd;

  constructor(path: string) {
    using listening = openUnixSocket("packet");
    bindUnixSocket(listening.fd, path);
    chmodSync(path, 0o600);
    call("listen", listening.fd, 1);
    this.#path = path;
    this.#listening = new OwnedFd(listening.move());
  }

  /**
   * Receives the packet without waiting. Throws "invalid", with nothing left open, when it is not a packet of this text
   * with so many descriptors, or comes from another user. The caller disposes of them.
   */
  take({ text, count }: { readonly text: string; readonly count: number }): readonly OwnedFd[] {
    using connection = acceptUnixConnection(this.#listening.fd);
    if (connection === undefined) throw refused("the client has not sent them");
    // SAFETY: the kernel recorded the peer at connect time: the path's permissions are not the only protection.
    const { uid } = readPeer(connection.fd);
    if (uid !== process.getuid?.()) throw refused(`they are of user ${uid}`);
    const message = receiveUnixMessage(connection.fd, { mostBytes: 256 });
    if (message === undefined) throw refused("the client has not sent them");
    using received = new DisposableStack();
    for (const fd of message.fds) received.use(fd);
    if (Buffer.from(message.bytes).toString("latin1") !== text) throw refused("they are for something else");
    if (message.fds.length !== count) throw refused(`${message.fds.length} came in place of ${count}`);
    received.move();
    return message.fds;
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { force: true });
    // Also drops a connection that was not accepted, and the data that was sent on it.
    this.#listening[Symbol.dispose]();
  }
}

function refused(why: string): Failure {
  return new Failure("invalid", `cannot take the caller's descriptors: ${why}`);
}

/** Sends copies of descriptors of this process to a DescriptorSocket. */
export function sendDescriptors(
  path: string,
  { text, fds }: { readonly text: string; readonly fds: readonly Fd[] },
): void {
  using socket = openUnixSocket("packet");
  connectUnixSocket(socket.fd, path);
  sendUnixMessage(socket.fd, Buffer.from(text, "latin1"), { fds });
}
