import { Failure } from "../../base/failure.ts";
import { poll } from "../../base/deadline.ts";
import { NetlinkFailure } from "../../linux/netlink/netlink-socket.ts";

/** Under load the kernel takes away many namespaces, one after the other. */
const LEAVING_MS = 10_000;

/**
 * KERNEL: a macvlan keeps its hardware address until its namespace is removed, a little after the last process there
 * has ended. A container that is restarted at once has to wait for the address (EADDRINUSE). `isTaken`: a running owner
 * has it.
 */
export async function attachInTime<T>(
  attach: () => Promise<T>,
  { macAddress, isTaken }: { readonly macAddress: string; readonly isTaken: () => boolean },
): Promise<T> {
  return await poll(
    async () => {
      try {
        return await attach();
      } catch (thrown) {
        const cause = thrown instanceof Failure ? thrown.cause : undefined;
        if (!(cause instanceof NetlinkFailure) || cause.code !== "EADDRINUSE" || isTaken()) throw thrown;
        return undefined;
      }
    },
    { timeoutMs: LEAVING_MS, what: `have the hardware address ${macAddress}, which another interface has` },
  );
}
