import { Failure } from "../../base/failure.ts";
import { poll } from "../../base/deadline.ts";
import { NetlinkFailure } from "../../linux/netlink/netlink-socket.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import type { EndpointPlan } from "../types.ts";

/** Under load the kernel takes away many namespaces, one after the other. */
const LEAVING_MS = 10_000;

/**
 * KERNEL: a macvlan keeps its hardware address, and an ipvlan its addresses, until its namespace is removed, a little
 * after the last process there has ended. A container that is restarted at once has to wait for them (EADDRINUSE).
 * `isTaken`: a running owner has them.
 */
export async function attachInTime<T>(
  attach: () => Promise<T>,
  { endpoint, isTaken }: { readonly endpoint: EndpointPlan; readonly isTaken: () => boolean },
): Promise<T> {
  const { macAddress, addresses } = endpoint;
  const wanted =
    macAddress === ""
      ? `the addresses ${addresses.map(({ address }) => formatIpAddress(address)).join(" and ")}`
      : `the hardware address ${macAddress}`;
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
    { timeoutMs: LEAVING_MS, what: `have ${wanted}, which another interface has` },
  );
}
