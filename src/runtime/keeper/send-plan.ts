import type { Socket } from "node:net";
import { sendAtOnce } from "../../linux/sockets/unix-message.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Plan } from "../plan/plan.ts";
import { encodeRequest } from "./frames.ts";

/**
 * Sends a keeper its plan, as the first that it is sent. The kernel usually takes all of it at once; the way through
 * the stream takes longer, and is for what is left, and for errors. Fails as encodePlan().
 */
export function sendPlan(socket: Socket, plan: Plan): void {
  const bytes = encodePlan(plan, encodeRequest("plan"));
  const fd = descriptorOf(socket);
  const sent = fd === undefined ? 0 : sendAtOnce(fd, bytes);
  if (sent < bytes.length) socket.write(bytes.subarray(sent));
}

/** Undefined when it is not connected, when the stream contains unread data, or when the runtime does not report it. */
function descriptorOf(socket: Socket): number | undefined {
  if (socket.destroyed || socket.connecting || socket.writableLength > 0) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types of node:net do not have it
  const fd = (socket as { readonly _handle?: { readonly fd?: unknown } | null | undefined })._handle?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
