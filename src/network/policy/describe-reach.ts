import { formatIpAddress } from "../../spec/ip-address.ts";
import type { PortReach } from "../networks.ts";
import type { PublishedPorts } from "../types.ts";

/** One of the host's interfaces, and what its chains say to a packet to the port that comes in there. */
export interface InterfaceReach {
  readonly name: string;
  /** Chains that refuse it, whoever sends it. */
  readonly refusedBy: readonly string[];
  /** Chains that refuse it from some. */
  readonly doubtedBy: readonly string[];
}

/** In words: from where published ports can be reached. */
export function describeReach(
  ports: PublishedPorts,
  {
    interfaces,
    isInternal,
  }: { readonly interfaces: readonly InterfaceReach[]; readonly isInternal: boolean },
): PortReach {
  const isLoopback =
    ports.hostAddress !== undefined && /^(127\.|::1$)/.test(formatIpAddress(ports.hostAddress));
  if (isInternal) {
    return {
      ports,
      local: false,
      interfaces: [],
      blockedBy: [],
      text: "from nowhere: its network is internal",
    };
  }
  if (isLoopback) return { ports, local: true, interfaces: [], blockedBy: [], text: "from this host only" };
  const open = interfaces.filter(({ refusedBy }) => refusedBy.length === 0);
  const blockedBy = [...new Set(interfaces.flatMap(({ refusedBy }) => refusedBy))];
  const doubts = [...new Set(open.flatMap(({ doubtedBy }) => doubtedBy))];
  const names = open.map(({ name }) => name);
  const from = names.length === 0 ? "from this host only" : `from ${names.join(", ")}`;
  const clauses = [
    ...(doubts.length === 0 ? [] : [`for some senders: see ${doubts.join(", ")}`]),
    ...(blockedBy.length === 0
      ? []
      : [`${names.length === 0 ? "" : "elsewhere "}blocked by ${blockedBy.join(", ")}`]),
  ];
  return {
    ports,
    local: names.length === 0,
    interfaces: names,
    blockedBy,
    text: clauses.length === 0 ? from : `${from} (${clauses.join("; ")})`,
  };
}
