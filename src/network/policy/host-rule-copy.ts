import { isRecord } from "../../base/is-record.ts";
import { mergePortRanges } from "../../spec/merge-ports.ts";
import { Failure } from "../../base/failure.ts";
import { existsSync, readFileSync } from "node:fs";
import { NetlinkFailure, type NetlinkSocket } from "../../linux/netlink/netlink-socket.ts";
import {
  changeElements,
  elementText,
  listTables,
  removeTable,
  type SetElement,
  type TableFamily,
  type TableName,
} from "../../linux/nftables/nftables.ts";
import {
  connection,
  hasConnectionBit,
  isIn,
  giveVerdict,
  isToThisHost,
} from "../../linux/nftables/expressions.ts";
import { listChains, listRules, listSets, type FirewallChain } from "../../linux/nftables/rules.ts";
import { newSet } from "../../linux/nftables/sets.ts";
import { makeTables, type NewTable } from "../../linux/nftables/tables.ts";
import type { PublishedPorts } from "../types.ts";
import { joinKeys, portKey, protocolKey } from "../firewall/keys.ts";
import { loadProtocolAndPort } from "../firewall/packet-fields.ts";
import { LOCAL_IN, copyChains } from "./copy-chains.ts";

/** After connection tracking (-200) and before translation (-100): ports and addresses are still the original ones. */
const FIRST_PRIORITY = -150;
const PRE_ROUTING = 0;
/** So many rules may be found out to be unfit for the other place. */
const MOST_REFUSED = 200;
const ownTables = /^tare-[0-9a-f]{8}/;

/**
 * Copies of the host's input chains, in front of the translation of published ports, in Tare's own tables: packets that
 * the host would refuse for itself are refused for its containers. Each copy evaluates new connections to published
 * ports only.
 */
export class HostRuleCopy {
  readonly #socket: NetlinkSocket;
  readonly #prefix: string;
  #closed: readonly string[] = [];
  #isMade = false;
  #tables: readonly TableName[] = [];
  /** The elements of their sets. */
  #ports: readonly SetElement[] = [];

  constructor(socket: NetlinkSocket, table: string) {
    this.#socket = socket;
    this.#prefix = `${table}-input-`;
  }

  /** Rules that could not be copied, and refuse everything instead. */
  get closed(): readonly string[] {
    return this.#closed;
  }

  /** Changes the ports that the copies apply to. */
  changePorts(ports: readonly PublishedPorts[]): void {
    if (!this.#isMade) return this.refresh(ports);
    const wanted = publishedElements(ports);
    const texts = new Set(wanted.map(elementText));
    const known = new Set(this.#ports.map(elementText));
    const removed = this.#ports.filter((element) => !texts.has(elementText(element)));
    const added = wanted.filter((element) => !known.has(elementText(element)));
    try {
      for (const name of this.#tables) changeElements(this.#socket, { name, removed, added });
      this.#ports = wanted;
    } catch {
      this.refresh(ports); // another program has changed them
    }
  }

  /** Reads the host's chains and makes the copies anew, in one transaction. */
  refresh(ports: readonly PublishedPorts[]): void {
    refuseLegacy();
    const refused = new Map<string, Set<number>>();
    for (let tries = 0; ; tries++) {
      const { tables, closed } = this.#plan(ports, refused);
      try {
        this.#removeStale(tables.map(({ name }) => name));
        makeTables(this.#socket, tables);
        this.#closed = closed;
        this.#tables = tables.map(({ name }) => name);
        this.#ports = publishedElements(ports);
        this.#isMade = true;
        return;
      } catch (thrown) {
        const rule = thrown instanceof NetlinkFailure ? ruleOf(thrown) : undefined;
        if (rule === undefined || tries > MOST_REFUSED) throw thrown;
        const key = rule.table;
        refused.set(key, (refused.get(key) ?? new Set()).add(rule.handle));
      }
    }
  }

  remove(): void {
    this.#removeStale([]);
    this.#closed = [];
    this.#isMade = false;
  }

  #removeStale(kept: readonly TableName[]): void {
    for (const family of ["inet", "ip", "ip6"] as const satisfies readonly TableFamily[]) {
      for (const table of listTables(this.#socket, family)) {
        const isKept = kept.some((name) => name.family === family && name.table === table);
        if (table.startsWith(this.#prefix) && !isKept) removeTable(this.#socket, { family, table });
      }
    }
  }

  #plan(
    ports: readonly PublishedPorts[],
    refused: ReadonlyMap<string, ReadonlySet<number>>,
  ): { readonly tables: readonly NewTable[]; readonly closed: readonly string[] } {
    const bases = listChains(this.#socket)
      .filter(
        ({ hook, type, table }) => hook?.number === LOCAL_IN && type === "filter" && !ownTables.test(table),
      )
      .sort((one, other) => (one.hook?.priority ?? 0) - (other.hook?.priority ?? 0));
    const set = newSet(published, publishedType, publishedElements(ports));
    const closed: string[] = [];
    const tables = bases.map((base, at) => {
      const name = { family: base.family, table: `${this.#prefix}${base.table}-${at}` };
      const copy = copyChains(base, {
        rules: listRules(this.#socket, base),
        sets: listSets(this.#socket, base),
        refused: refused.get(name.table) ?? new Set(),
      });
      closed.push(...copy.closed);
      return {
        name,
        chains: [
          ...copy.chains.map((chain) => ({ chain })),
          { chain: evaluated },
          { chain: entrance, hook: { number: PRE_ROUTING, priority: FIRST_PRIORITY + Math.min(at, 40) } },
        ],
        sets: [...copy.sets, set],
        rules: [...copy.rules, ...entranceRules(base)],
      };
    });
    return { tables, closed };
  }
}

const entrance = "tare-entrance";
const published = "published";
const publishedType = { key: ["inet_proto", "inet_service"], interval: true } as const;
const evaluated = "tare-judged";

function entranceRules(base: FirewallChain): NewTable["rules"] {
  return [
    { chain: evaluated, expressions: [giveVerdict({ kind: "jump", chain: base.chain })] },
    { chain: evaluated, expressions: [giveVerdict({ kind: base.policy })] },
    {
      chain: entrance,
      expressions: [
        ...hasConnectionBit("state", connection.isNew),
        ...isToThisHost(),
        ...loadProtocolAndPort(),
        isIn(published),
        giveVerdict({ kind: "jump", chain: evaluated }),
      ],
    },
  ];
}

function publishedElements(ports: readonly PublishedPorts[]): readonly SetElement[] {
  return portRanges(ports).map((range) => ({ set: published, ...range }));
}

/** By protocol, without overlaps: the set takes none. */
export function portRanges(
  ports: readonly PublishedPorts[],
): readonly { readonly key: Uint8Array; readonly keyEnd: Uint8Array }[] {
  const ranges = ports.map(({ protocol, hostPort, count }) => {
    return { protocol, first: hostPort, last: hostPort + count - 1 };
  });
  return mergePortRanges(ranges).map(({ protocol, first, last }) => ({
    key: joinKeys(protocolKey(protocol), portKey(first)),
    keyEnd: joinKeys(protocolKey(protocol), portKey(last)),
  }));
}

function ruleOf(failure: NetlinkFailure): { readonly table: string; readonly handle: number } | undefined {
  const { request } = failure;
  const handle = "rule" in request && isRecord(request.rule) ? request.rule["handle"] : undefined;
  // In each request of a rule the table's name comes first.
  const table = Buffer.from(request.payload).toString("utf8", 8).replace(/\0.*$/s, "");
  return typeof handle === "number" ? { table, handle } : undefined;
}

/** Rules of the older iptables can't be seen here, and so not be respected. */
function refuseLegacy(): void {
  for (const file of ["/proc/thread-self/net/ip_tables_names", "/proc/thread-self/net/ip6_tables_names"]) {
    if (existsSync(file) && readFileSync(file, "latin1").split("\n").includes("filter")) {
      throw new Failure(
        "unsupported",
        'cannot respect the host\'s firewall: it has rules of iptables-legacy, which can only be read as such; use iptables-nft, or the policy "docker"',
      );
    }
  }
}
