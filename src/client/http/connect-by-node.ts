import { connect } from "node:net";
import type { Address, ClientSocket } from "./socket.ts";

/** By node:net, which runs everywhere. */
export async function connectByNode(address: Address): Promise<ClientSocket> {
  if ("command" in address) {
    const { connectByCommand } = await import("./connect-by-command.ts");
    return connectByCommand(address.command);
  }
  if ("tls" in address && address.tls !== undefined) {
    const { connectByTls } = await import("./connect-by-tls.ts");
    return await connectByTls({ ...address, tls: address.tls });
  }
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
