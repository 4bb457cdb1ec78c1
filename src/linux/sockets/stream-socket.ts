import { openSync } from "node:fs";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { attempt } from "../kernel/syscall.ts";
import { trySendUnixMessage } from "./unix-message.ts";

const POLLHUP = 0x10;

/** Calls for connected unix streams that Node has no function for. To be disposed of. */
export class StreamSockets implements Disposable {
  /** Something that any process may have. */
  readonly #harmless = new OwnedFd(openSync("/dev/null", "r"));

  /**
   * Sends bytes that the peer never reads together with later ones. Returns the number of bytes sent, without waiting;
   * 0 also when sending fails. KERNEL: unix(7): a message with ancillary data is a barrier for reads. A peer that reads
   * without space for it, as read(2) and recv(2) do, loses nothing: the kernel closes the descriptor.
   */
  sendAlone(fd: Fd, bytes: Uint8Array): number {
    return Math.max(0, trySendUnixMessage(fd, bytes, { fds: [this.#harmless.fd] }));
  }

  /** Whether the peer has closed both directions: one that only ended its own still wants an answer. */
  hasHungUp(fd: Fd): boolean {
    const asked = Buffer.alloc(8);
    asked.writeInt32LE(fd, 0);
    const found = attempt("ppoll", asked, 1, Buffer.alloc(16), null, 8);
    return found > 0 && (asked.readInt16LE(6) & POLLHUP) !== 0;
  }

  [Symbol.dispose](): void {
    this.#harmless[Symbol.dispose]();
  }
}
