import { kindOf } from "../../base/failure.ts";
import {
  changeElements,
  elementText,
  listTables,
  parseFirewallEvents,
  removeTable,
  type SetElement,
} from "../../linux/nftables/nftables.ts";
import { listChains, listRules, listSets } from "../../linux/nftables/rules.ts";
import { appendRules, makeTables } from "../../linux/nftables/tables.ts";
import type { NetlinkSocket } from "../../linux/netlink/netlink-socket.ts";
import type { IpFamily } from "../../spec/ip-address.ts";
import { compareTable } from "./compare-table.ts";
import { buildTable, shiftRules } from "./ruleset.ts";
import { isShifted } from "./sets.ts";

/**
 * The firewall table and its intended content: elements by owner (a network, an endpoint). Each change is one
 * transaction. When the kernel lacks an expected element, another program has flushed the table, and the engine
 * recreates all of it.
 */
export class FirewallTable {
  readonly #socket: NetlinkSocket;
  readonly #name: { readonly family: "inet"; readonly table: string };
  readonly #owners = new Map<string, readonly SetElement[]>();
  readonly #events: NetlinkSocket;
  readonly #others = new Set<string>();
  #foreignChanges = 0;
  /** Families that have the rules for shifted ranges. */
  readonly #shifts = new Set<IpFamily>();
  #isMade = false;
  #isTampered = false;

  /** `events` hears of the changes of all tables. */
  constructor(
    { socket, events }: { readonly socket: NetlinkSocket; readonly events: NetlinkSocket },
    table: string,
  ) {
    this.#socket = socket;
    this.#events = events;
    this.#name = { family: "inet", table };
  }

  /** Whether another program has changed this table since the last complete write, and which one, when known. */
  look(): { readonly isTampered: boolean; readonly by: string } {
    const { isOwn, isLost, by } = this.#hear({ isOurs: false });
    this.#isTampered ||= this.#isMade && (isOwn || isLost);
    return { isTampered: this.#isTampered, by };
  }

  /** Grows with each change of a table that is none of ours. */
  get foreignChanges(): number {
    this.look();
    return this.#foreignChanges;
  }

  /** `isOurs`: what was heard is what was just done here, but for tables of others. */
  #hear({ isOurs }: { readonly isOurs: boolean }): {
    readonly isOwn: boolean;
    readonly isLost: boolean;
    readonly by: string;
  } {
    const { events, lost: isLost } = this.#events.take();
    if (events.length === 0 && !isLost) return nothingHeard;
    const { tables, by } = parseFirewallEvents(events);
    for (const table of isLost ? [...tables, "?"] : tables) {
      if (table === this.#name.table) continue;
      const isForeign = !isOfAnEngine(table);
      if (isForeign) this.#foreignChanges++;
      if (isForeign || !isOurs) this.#others.add(table);
    }
    return { isOwn: tables.has(this.#name.table), isLost, by };
  }

  /** The other tables that changed since the last call; `?`: more than the kernel reported. */
  takeOthers(): readonly string[] {
    this.look();
    const others = [...this.#others];
    this.#others.clear();
    return others;
  }

  /** Ignores events so far: they are the engine's own changes. */
  forgetEvents(): void {
    this.#hear({ isOurs: true });
  }

  get isMade(): boolean {
    return this.#isMade;
  }

  /** Makes the table with everything that was recorded here, in one transaction. */
  assert(): void {
    const elements = this.#elements();
    makeTables(this.#socket, [buildTable(this.#name, elements)]);
    this.#shifts.clear();
    for (const family of [4, 6] as const)
      if (elements.some((element) => isShifted(element, family))) this.#shifts.add(family);
    this.#isMade = true;
    this.#isTampered = false;
    this.#hear({ isOurs: true });
  }

  /** Sets the elements of these owners; an empty list removes all. All or nothing. */
  change(changes: ReadonlyMap<string, readonly SetElement[]>): void {
    const old = new Map([...changes.keys()].map((owner) => [owner, this.#owners.get(owner) ?? []]));
    this.#record(changes);
    try {
      if (!this.#isMade || this.look().isTampered) return this.assert();
      const before = [...old.values()].flat();
      const after = [...changes.values()].flat();
      try {
        this.#appendShifts(after);
        changeElements(this.#socket, { name: this.#name, ...difference(before, after) });
        this.#hear({ isOurs: true });
      } catch (thrown) {
        if (kindOf(thrown) !== "not-found") throw thrown;
        this.assert();
      }
    } catch (thrown) {
      this.#record(old);
      throw thrown;
    }
  }

  /** Only where they are needed: `nft list` complains of those for IPv6. */
  #appendShifts(elements: readonly SetElement[]): void {
    for (const family of [4, 6] as const) {
      if (this.#shifts.has(family) || !elements.some((element) => isShifted(element, family))) continue;
      appendRules(this.#socket, { name: this.#name, rules: shiftRules(family) });
      this.#shifts.add(family);
    }
  }

  #record(changes: ReadonlyMap<string, readonly SetElement[]>): void {
    for (const [owner, elements] of changes) {
      if (elements.length === 0) this.#owners.delete(owner);
      else this.#owners.set(owner, elements);
    }
  }

  /** Replaces everything, in the kernel later by assert(). */
  reset(owners: ReadonlyMap<string, readonly SetElement[]>): void {
    this.#owners.clear();
    this.#record(owners);
  }

  exists(): boolean {
    return listTables(this.#socket, "inet").includes(this.#name.table);
  }

  remove(): void {
    removeTable(this.#socket, this.#name);
    this.#isMade = false;
  }

  /** Reads the table back: what differs from what was recorded, as problems. */
  compare(): readonly string[] {
    if (!this.exists()) return ["it is gone"];
    // Rules for shifted ranges stay when the last such range is gone.
    const wanted = buildTable(this.#name, this.#elements(), this.#shifts);
    return compareTable(wanted, {
      chains: listChains(this.#socket).filter(
        ({ family, table }) => family === this.#name.family && table === this.#name.table,
      ),
      sets: listSets(this.#socket, this.#name),
      rules: listRules(this.#socket, this.#name),
    });
  }

  #elements(): readonly SetElement[] {
    return [...this.#owners.values()].flat();
  }

  get isWanted(): boolean {
    return this.#owners.size > 0;
  }
}

/** Tables of engines like this one change all the time, and have no chains that count. */
export function isOfAnEngine(table: string): boolean {
  return /^tare-[0-9a-f]{8}/.test(table);
}

const nothingHeard = { isOwn: false, isLost: false, by: "" } as const;

function difference(
  before: readonly SetElement[],
  after: readonly SetElement[],
): { readonly removed: readonly SetElement[]; readonly added: readonly SetElement[] } {
  if (before.length === 0) return { removed: [], added: after };
  if (after.length === 0) return { removed: before, added: [] };
  const old = new Set(before.map(elementText));
  const kept = new Set(after.map(elementText));
  return {
    removed: before.filter((element) => !kept.has(elementText(element))),
    added: after.filter((element) => !old.has(elementText(element))),
  };
}
