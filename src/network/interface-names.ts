import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import type { EndpointId, NetworkId } from "../model/ids.ts";

/** The kernel objects of one data root's engine. */
export interface OwnNames {
  /** Eight hexadecimal digits of the data root's hash. */
  readonly hash: string;
  /** Of the firewall, in the family inet. */
  readonly table: string;
  /** Before the alias of each link that is ours alone. */
  readonly aliasPrefix: string;
  /** Before the name of the host's end of each pair. */
  readonly vethPrefix: string;
}

export function ownNamesOf(dataRoot: string): OwnNames {
  const hash = createHash("sha256").update(realpathSync(dataRoot)).digest("hex").slice(0, 8);
  return { hash, table: `tare-${hash}`, aliasPrefix: `tare-${hash} `, vethPrefix: `tv${hash.slice(0, 5)}` };
}

/** At most 15 bytes is what an interface's name may have. */
export function vethNameOf(names: OwnNames, id: EndpointId): string {
  return `${names.vethPrefix}${id.slice(0, 8)}`;
}

/** The default name of a network's bridge. */
export function bridgeNameOf(id: NetworkId): string {
  return `tr-${id.slice(0, 12)}`;
}

/** The parent of a network of child links that has none of the host's: it leads nowhere. */
export function sinkNameOf(id: NetworkId, driver: "macvlan" | "ipvlan"): string {
  return `${driver === "macvlan" ? "dm" : "di"}-${id.slice(0, 12)}`;
}

export function isSinkName(name: string): boolean {
  return /^d[im]-/.test(name);
}

/** For a network with direct container links: the parent of its containers' interfaces, and the bridge's port on it. */
export function bypassNamesOf(id: NetworkId): { readonly sink: string; readonly port: string } {
  return { sink: `ts-${id.slice(0, 12)}`, port: `tp-${id.slice(0, 12)}` };
}

/** Of a bridge that this network made. */
export function bridgeAliasOf(names: OwnNames, id: NetworkId): string {
  return `${names.aliasPrefix}${id}`;
}

/** Of a container's interface that has no end on the host. */
export function endpointAliasOf(names: OwnNames, id: EndpointId): string {
  return `${names.aliasPrefix}${id}`;
}

/** Stable, so that neighbor caches stay valid; a locally administered address. */
export function bridgeMacOf(id: NetworkId): string {
  const digits = createHash("sha256").update(`bridge ${id}`).digest("hex");
  return ["02", ...Array.from({ length: 5 }, (_, at) => digits.slice(at * 2, at * 2 + 2))].join(":");
}
