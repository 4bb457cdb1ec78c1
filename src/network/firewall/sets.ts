import type { SetType } from "../../linux/nftables/sets.ts";
import type { SetElement } from "../../linux/nftables/nftables.ts";
import type { IpFamily } from "../../spec/ip-address.ts";

export type FirewallSet =
  | "bridges"
  | "internal"
  | "siblings"
  | "strangers"
  | "open4"
  | "open6"
  | "masquerade4"
  | "masquerade6"
  | "source4"
  | "source6"
  | "hairpin4"
  | "hairpin6"
  | "same4"
  | "same6"
  | "moved4"
  | "moved6"
  | "sameAt4"
  | "sameAt6"
  | "movedAt4"
  | "movedAt6"
  | "shifted4"
  | "shifted6"
  | "shiftedAt4"
  | "shiftedAt6"
  | "loop4"
  | "loop6"
  | "standIn4"
  | "standIn6"
  | "standsIn4"
  | "standsIn6"
  | "routed4"
  | "routed6"
  | "pinged4"
  | "pinged6";

const ports = ["inet_proto", "inet_service"] as const;
const portsAt4 = ["ipv4_addr", ...ports] as const;
const portsAt6 = ["ipv6_addr", ...ports] as const;
const target4 = ["ipv4_addr", "inet_service"] as const;
const target6 = ["ipv6_addr", "inet_service"] as const;

/** Every set and map of the table. */
export const firewallSets: Readonly<Record<FirewallSet, SetType>> = {
  // Bridges.
  bridges: { key: ["ifname"] },
  internal: { key: ["ifname"] },
  siblings: { key: ["ifname", "ifname"] },
  strangers: { key: ["ifname", "ifname"] },
  open4: { key: ["ifname"] },
  open6: { key: ["ifname"] },
  // Subnets.
  masquerade4: { key: ["ipv4_addr"], interval: true },
  masquerade6: { key: ["ipv6_addr"], interval: true },
  source4: { key: ["ipv4_addr"], data: ["ipv4_addr"], interval: true },
  source6: { key: ["ipv6_addr"], data: ["ipv6_addr"], interval: true },
  hairpin4: { key: ["ipv4_addr", "ipv4_addr"], interval: true },
  hairpin6: { key: ["ipv6_addr", "ipv6_addr"], interval: true },
  // Published ports: to the same number or another, on all addresses or one.
  same4: { key: ports, data: ["ipv4_addr"], interval: true },
  same6: { key: ports, data: ["ipv6_addr"], interval: true },
  moved4: { key: ports, data: target4 },
  moved6: { key: ports, data: target6 },
  sameAt4: { key: portsAt4, data: ["ipv4_addr"], interval: true },
  sameAt6: { key: portsAt6, data: ["ipv6_addr"], interval: true },
  movedAt4: { key: portsAt4, data: target4 },
  movedAt6: { key: portsAt6, data: target6 },
  /** Runs whose numbers are shifted, to the first and the last port of an address: see shiftRules(). */
  shifted4: { key: ports, data: target4, interval: true, dataInterval: true },
  // nft can't read intervals of these: one long value it can.
  shifted6: { key: ports, data: [...target6, ...target6], interval: true },
  shiftedAt4: { key: portsAt4, data: target4, interval: true, dataInterval: true },
  shiftedAt6: { key: portsAt6, data: [...target6, ...target6], interval: true },
  /** Ports that are reached from the loopback, which are sent from another address of the host. */
  loop4: { key: portsAt4, interval: true },
  loop6: { key: ports, interval: true },
  standIn4: { key: ["ipv4_addr"], data: ["ipv4_addr"] },
  standIn6: { key: ["ipv6_addr"], data: ["ipv6_addr"] },
  standsIn4: { key: ["ipv4_addr"] },
  standsIn6: { key: ["ipv6_addr"] },
  /** Ports of containers that are reached by their own addresses. */
  routed4: { key: portsAt4, interval: true },
  routed6: { key: portsAt6, interval: true },
  pinged4: { key: ["ipv4_addr"] },
  pinged6: { key: ["ipv6_addr"] },
};

/** Whether a rule of shiftRules() is needed for it. */
export function isShifted({ set }: SetElement, family: IpFamily): boolean {
  return set === `shifted${family}` || set === `shiftedAt${family}`;
}
