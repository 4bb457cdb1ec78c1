import { Failure } from "../../base/failure.ts";
import { type NetlinkSocket, openNetlink } from "../../linux/netlink/netlink-socket.ts";
import { listTables } from "../../linux/nftables/nftables.ts";
import { isForcedAbsent } from "../../linux/kernel/without.ts";

/**
 * A socket that has heard from the kernel's firewall; the caller disposes of it. Throws "unsupported" where there is
 * none.
 */
export function openNetfilter(): NetlinkSocket {
  using opening = new DisposableStack();
  try {
    if (isForcedAbsent("nf_tables")) throw new Error("TARE_WITHOUT says so");
    const socket = opening.use(openNetlink("netfilter"));
    listTables(socket, "inet");
    opening.move();
    return socket;
  } catch (cause) {
    throw new Failure(
      "unsupported",
      "cannot make a network: this kernel has no nf_tables (CONFIG_NF_TABLES_INET); --network host and none work without it",
      { cause },
    );
  }
}
