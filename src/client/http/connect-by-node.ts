import { connect } from "node:net";
import type { Address, ClientSocket } from "./socket.ts";

/** By node:net, which runs everywhere. */
export async function connectByNode(address: Address): Promise<ClientSocket> {
  const socket = connect({
    ...address,
    allowHalfOpen: true,
    noDelay: "path" in address ? undefined : true,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.removeAllListeners("error");
  return socket;
}
