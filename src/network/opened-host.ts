import { openNetlink, type NetlinkSocket } from "../linux/netlink/netlink-socket.ts";
import { NFNLGRP_NFTABLES } from "../linux/nftables/nftables.ts";
import { openRouteEvents } from "../linux/netlink/route-events.ts";
import { BridgeBypass } from "./bridge/bridge-bypass.ts";
import { BridgeWatch } from "./bridge/bridge-watch.ts";
import { FirewallTable } from "./firewall/firewall-table.ts";
import { openNetfilter } from "./firewall/open-netfilter.ts";
import type { HostSide } from "./host-side.ts";
import type { OwnNames } from "./interface-names.ts";
import { HeldPorts } from "./ports/held-ports.ts";
import { PortRelay } from "./ports/port-relay.ts";
import type { NetworkPlan } from "./types.ts";
import type { NetworkId } from "../model/ids.ts";
import { HostRuleCopy } from "./policy/host-rule-copy.ts";

/** Sockets in the host's network namespace, and the objects that use them. */
export class OpenedHost implements Disposable {
  readonly host: HostSide;
  readonly netfilter: NetlinkSocket;
  readonly firewall: FirewallTable;
  readonly ruleCopy: HostRuleCopy;
  readonly bypass: BridgeBypass;
  readonly watch: BridgeWatch;
  readonly ports: HeldPorts;
  readonly relay: PortRelay;
  readonly #sockets = new DisposableStack();

  constructor(
    names: OwnNames,
    {
      plans,
      note,
    }: { readonly plans: ReadonlyMap<NetworkId, NetworkPlan>; readonly note: (sentence: string) => void },
  ) {
    using opening = new DisposableStack();
    const route = opening.use(openNetlink("route"));
    this.host = { names, note, bridges: new Map(), childLinks: new Map(), route };
    this.netfilter = opening.use(openNetfilter());
    const events = opening.use(openNetlink("netfilter"));
    events.join(NFNLGRP_NFTABLES);
    this.firewall = new FirewallTable({ socket: this.netfilter, events }, names.table);
    this.ruleCopy = new HostRuleCopy(this.netfilter, names.table);
    this.bypass = new BridgeBypass(this.host);
    const routeEvents = opening.use(openRouteEvents());
    this.watch = new BridgeWatch({ host: this.host, events: routeEvents, bypass: this.bypass });
    this.relay = opening.use(new PortRelay(plans, note));
    this.ports = opening.use(new HeldPorts(this.relay));
    this.#sockets = opening.move();
  }

  [Symbol.dispose](): void {
    this.#sockets.dispose();
  }
}
