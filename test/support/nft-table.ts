import type { SetElement } from "../../src/linux/nftables/nftables.ts";

/*
 * The firewall's table in nft's language: what the table that the engine writes over netlink is compared with. It has
 * no rules for shifted ranges of ports, which nft has no words for.
 */

const setTypes: Readonly<Record<string, { readonly type: string; readonly interval?: true }>> = {
  // Bridges.
  bridges: { type: "ifname" },
  internal: { type: "ifname" },
  siblings: { type: "ifname . ifname" },
  strangers: { type: "ifname . ifname" },
  open4: { type: "ifname" },
  open6: { type: "ifname" },
  // Subnets.
  masquerade4: { type: "ipv4_addr", interval: true },
  masquerade6: { type: "ipv6_addr", interval: true },
  source4: { type: "ipv4_addr : ipv4_addr", interval: true },
  source6: { type: "ipv6_addr : ipv6_addr", interval: true },
  hairpin4: { type: "ipv4_addr . ipv4_addr", interval: true },
  hairpin6: { type: "ipv6_addr . ipv6_addr", interval: true },
  // Published ports: to the same number or another, on all addresses or one.
  same4: { type: "inet_proto . inet_service : ipv4_addr", interval: true },
  same6: { type: "inet_proto . inet_service : ipv6_addr", interval: true },
  moved4: { type: "inet_proto . inet_service : ipv4_addr . inet_service" },
  moved6: { type: "inet_proto . inet_service : ipv6_addr . inet_service" },
  sameAt4: { type: "ipv4_addr . inet_proto . inet_service : ipv4_addr", interval: true },
  sameAt6: { type: "ipv6_addr . inet_proto . inet_service : ipv6_addr", interval: true },
  movedAt4: { type: "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service" },
  movedAt6: { type: "ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service" },
  shifted4: { type: "inet_proto . inet_service : interval ipv4_addr . inet_service", interval: true },
  shifted6: {
    type: "inet_proto . inet_service : ipv6_addr . inet_service . ipv6_addr . inet_service",
    interval: true,
  },
  shiftedAt4: {
    type: "ipv4_addr . inet_proto . inet_service : interval ipv4_addr . inet_service",
    interval: true,
  },
  shiftedAt6: {
    type: "ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service . ipv6_addr . inet_service",
    interval: true,
  },
  /** Ports that are reached from the loopback, which are sent from another address of the host. */
  loop4: { type: "ipv4_addr . inet_proto . inet_service", interval: true },
  loop6: { type: "inet_proto . inet_service", interval: true },
  standIn4: { type: "ipv4_addr : ipv4_addr" },
  standIn6: { type: "ipv6_addr : ipv6_addr" },
  standsIn4: { type: "ipv4_addr" },
  standsIn6: { type: "ipv6_addr" },
  /** Ports of containers that are reached by their own addresses. */
  routed4: { type: "ipv4_addr . inet_proto . inet_service", interval: true },
  routed6: { type: "ipv6_addr . inet_proto . inet_service", interval: true },
  pinged4: { type: "ipv4_addr" },
  pinged6: { type: "ipv6_addr" },
};

/** Sets of interfaces, whose elements the text has. */
const isolatingSets: ReadonlySet<string> = new Set(["bridges", "internal", "siblings", "strangers"]);

/** Interfaces by name, of the sets that have them. */
function formatInterfaces(set: string, elements: readonly SetElement[]): string {
  const names = elements
    .filter((element) => element.set === set)
    .map(({ key }) =>
      (
        Buffer.from(key)
          .toString("latin1")
          .match(/[^\0]+/g) ?? []
      )
        .map((name) => `"${name}"`)
        .join(" . "),
    );
  return names.length === 0 ? "" : ` elements = { ${names.join(", ")} };`;
}

/** Whether the text has the element: nft reads such names. */
export function isInText({ set, key }: SetElement): boolean {
  return isolatingSets.has(set) && /^[\w.\0-]+$/.test(Buffer.from(key).toString("latin1"));
}

/** For `nft -f`: replaces the table of this name. Includes the elements that isInText() selects. */
export function formatTable(table: string, elements: readonly SetElement[]): string {
  const included = elements.filter(isInText);
  const sets = Object.entries(setTypes).map(([name, set]) => {
    const kind = set.type.includes(":") ? "map" : "set";
    const flags = set.interval === true ? " flags interval;" : "";
    return `  ${kind} ${name} { type ${set.type};${flags}${formatInterfaces(name, included)} }`;
  });
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
${sets.join("\n")}

  chain loopback-out {
    type filter hook output priority raw - 10; policy accept;
    ip saddr 127.0.0.1 ip daddr . meta l4proto . th dport @loop4 ip saddr set ip saddr map @standIn4
    ip6 saddr ::1 ip6 daddr ::1 meta l4proto . th dport @loop6 ip6 saddr set ip6 saddr map @standIn6
  }
  chain loopback-in {
    type filter hook input priority srcnat + 10; policy accept;
    ip saddr 127.0.0.0/8 ip daddr @standsIn4 ip daddr set 127.0.0.1
    ip6 saddr ::1 ip6 daddr @standsIn6 ip6 daddr set ::1
  }

  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 127.0.0.0/8 return
    fib daddr type local jump published
  }
  chain output {
    type nat hook output priority dstnat; policy accept;
    fib daddr type local jump published
  }
  chain published {
    dnat ip to ip daddr . meta l4proto . th dport map @movedAt4
    dnat ip to ip daddr . meta l4proto . th dport map @sameAt4
    dnat ip to meta l4proto . th dport map @moved4
    dnat ip to meta l4proto . th dport map @same4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @movedAt6
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @sameAt6
    dnat ip6 to meta l4proto . th dport map @moved6
    dnat ip6 to meta l4proto . th dport map @same6
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat ip saddr . ip daddr @hairpin4 masquerade
    ct status dnat ip6 saddr . ip6 daddr @hairpin6 masquerade
    ct status dnat ip saddr @standsIn4 masquerade
    ct status dnat ip6 saddr @standsIn6 masquerade
    oifname @bridges return
    snat ip to ip saddr map @source4
    snat ip6 to ip6 saddr map @source6
    ip saddr @masquerade4 masquerade
    ip6 saddr @masquerade6 masquerade
  }

  chain forward {
    type filter hook forward priority filter; policy accept;
    oifname @bridges goto to-container
    iifname @internal drop
  }
  chain to-container {
    ct state established,related accept
    iifname . oifname @siblings accept
    iifname . oifname @strangers drop
    iifname @internal drop
    ct status dnat accept
    ip daddr . meta l4proto . th dport @routed4 accept
    ip6 daddr . meta l4proto . th dport @routed6 accept
    ip daddr @pinged4 icmp type echo-request accept
    ip6 daddr @pinged6 icmpv6 type echo-request accept
    iifname @bridges drop
    meta nfproto ipv4 oifname @open4 accept
    meta nfproto ipv6 oifname @open6 accept
    drop
  }
}
`;
}
