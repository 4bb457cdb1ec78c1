import type { Socket } from "node:net";

/** The socket calls that Node lacks. Implemented by `src/linux/sockets/stream-socket.ts` */
export interface SocketCalls {
  /**
   * Sends bytes that no read of the peer gives together with what is sent afterwards. The number of bytes that were
   * taken, without waiting; 0 also when sending fails.
   */
  sendAlone(fd: number, bytes: Uint8Array): number;
  /** Whether the peer has closed both directions. */
  hasHungUp(fd: number): boolean;
}

/** The descriptor of a connection; undefined when it is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as Socket & {
    readonly _handle?: { readonly fd?: number | undefined } | null | undefined;
  };
  const fd = handle?.fd;
  return fd === undefined || fd < 0 ? undefined : fd;
}
