import { openNetlink } from "../netlink/netlink-socket.ts";
import { listTables } from "./nftables.ts";
import { isForcedAbsent } from "../kernel/without.ts";

/** Whether this kernel has tables of the family inet, which CONFIG_NF_TABLES_INET brings. */
export function hasNfTables(): boolean {
  if (isForcedAbsent("nf_tables")) return false;
  try {
    using socket = openNetlink("netfilter");
    listTables(socket, "inet");
    return true;
  } catch {
    return false;
  }
}
