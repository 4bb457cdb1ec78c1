import { formatIpAddress } from "../../spec/ip-address.ts";
import type { PortReach } from "../networks.ts";
import type { PublishedPorts } from "../types.ts";

/** One of the host's interfaces, and the verdict of its chains on a packet to the port that enters there. */
export interface InterfaceReach {
  readonly name: string;
  /** Chains that refuse packets from every source. */
  readonly refusedBy: readonly string[];
  /** Chains that refuse it from some. */
  readonly doubtedBy: readonly string[];
}

/** Conflicts that a sentence lists one by one. */
const MOST_LISTED = 3;

interface ReachFacts {
  readonly interfaces: readonly InterfaceReach[];
  readonly isInternal: boolean;
  /** Ports that a program of the host has bound as well. */
  readonly conflicts?: readonly number[] | undefined;
}

/** In words: from where published ports can be reached. */
export function describeReach(ports: PublishedPorts, facts: ReachFacts): PortReach {
  const { conflicts = [] } = facts;
  const reach = describeSenders(ports, facts);
  if (conflicts.length === 0) return { ...reach, conflicts };
  const listed = conflicts.slice(0, MOST_LISTED).join(", ");
  const more = conflicts.length > MOST_LISTED ? ` and ${conflicts.length - MOST_LISTED} more` : "";
  return {
    ...reach,
    conflicts,
    summary: `${reach.summary}, conflict`,
    text: `${reach.text}, conflict: a program on the host has bound ${listed}${more}, too`,
  };
}

function describeSenders(
  ports: PublishedPorts,
  { interfaces, isInternal }: ReachFacts,
): Omit<PortReach, "conflicts"> {
  const isLoopback =
    ports.hostAddress !== undefined && /^(127\.|::1$)/.test(formatIpAddress(ports.hostAddress));
  if (isInternal) {
    return {
      ports,
      local: false,
      interfaces: [],
      blockedBy: [],
      summary: "from nowhere",
      text: "from nowhere: its network is internal",
    };
  }
  const hostOnly = "from this host only";
  if (isLoopback)
    return { ports, local: true, interfaces: [], blockedBy: [], summary: hostOnly, text: hostOnly };
  const open = interfaces.filter(({ refusedBy }) => refusedBy.length === 0);
  const blockedBy = [...new Set(interfaces.flatMap(({ refusedBy }) => refusedBy))];
  const doubts = [...new Set(open.flatMap(({ doubtedBy }) => doubtedBy))];
  const names = open.map(({ name }) => name);
  const from = names.length === 0 ? hostOnly : `from ${names.join(", ")}`;
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
    summary: summarize({
      open: names,
      isEverywhere: blockedBy.length === 0,
      isForSome: doubts.length > 0,
    }),
    text: clauses.length === 0 ? from : `${from} (${clauses.join("; ")})`,
  };
}

/** At most a few words, however many interfaces the host has. */
function summarize({
  open,
  isEverywhere,
  isForSome,
}: {
  readonly open: readonly string[];
  readonly isEverywhere: boolean;
  readonly isForSome: boolean;
}): string {
  const [only] = open;
  if (only === undefined) return "from this host only";
  const label = open.length === 1 ? only : isEverywhere ? "anywhere" : `${open.length} networks`;
  return `from ${label}${isForSome ? " for some senders" : ""}`;
}
