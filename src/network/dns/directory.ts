import type { IpAddress, IpFamily } from "../../spec/ip-address.ts";
import type { NameView } from "./types.ts";

interface Entry {
  /** Lower case. */
  readonly names: readonly string[];
  /** As it is written in a PTR record. */
  readonly firstName: string;
  readonly addresses: readonly IpAddress[];
}

interface KnownNetwork {
  readonly name: string;
  readonly entries: Map<string, Entry>;
  /** Name → its endpoints: several containers may have one alias. */
  readonly byName: Map<string, Set<string>>;
  readonly byAddress: Map<string, string>;
}

/** The owners of names, by network. */
export class NameDirectory {
  readonly #networks = new Map<string, KnownNetwork>();
  #turn = 0;

  addNetwork(id: string, name: string): void {
    const known = this.#networks.get(id);
    if (known?.name === name) return;
    const fresh = { entries: new Map(), byName: new Map(), byAddress: new Map() };
    this.#networks.set(id, { ...(known ?? fresh), name });
  }

  removeNetwork(id: string): void {
    this.#networks.delete(id);
  }

  /** Replaces what was known of the endpoint. Nothing happens in a network that is not known. */
  addEntry(
    networkId: string,
    entry: {
      readonly endpointId: string;
      readonly names: readonly string[];
      readonly addresses: readonly IpAddress[];
    },
  ): void {
    const network = this.#networks.get(networkId);
    if (network === undefined) return;
    this.removeEntry(networkId, entry.endpointId);
    const names = [...new Set(entry.names.map((name) => name.toLowerCase()))];
    const { addresses } = entry;
    network.entries.set(entry.endpointId, { names, firstName: entry.names[0] ?? "", addresses });
    for (const name of names) {
      const holders = network.byName.get(name) ?? new Set();
      network.byName.set(name, holders.add(entry.endpointId));
    }
    for (const address of addresses) network.byAddress.set(keyOf(address), entry.endpointId);
  }

  removeEntry(networkId: string, endpointId: string): void {
    const network = this.#networks.get(networkId);
    const entry = network?.entries.get(endpointId);
    if (network === undefined || entry === undefined) return;
    network.entries.delete(endpointId);
    for (const name of entry.names) {
      const holders = network.byName.get(name);
      holders?.delete(endpointId);
      if (holders?.size === 0) network.byName.delete(name);
    }
    for (const address of entry.addresses) {
      if (network.byAddress.get(keyOf(address)) === endpointId) network.byAddress.delete(keyOf(address));
    }
  }

  /**
   * A name's addresses of one family as this view sees it, rotated on each call; undefined for an unknown name. The
   * view's first network with that name decides. `web.frontend` is "web" of the network "frontend".
   */
  findAddresses(
    { networks }: NameView,
    { name, family }: { readonly name: string; readonly family: IpFamily | undefined },
  ): readonly IpAddress[] | undefined {
    for (const { id, links } of networks) {
      const network = this.#networks.get(id);
      if (network === undefined) continue;
      const suffix = `.${network.name.toLowerCase()}`;
      const names = name.endsWith(suffix) ? [name, name.slice(0, -suffix.length)] : [name];
      for (const candidate of names) {
        const linked = links?.find(([alias]) => alias === candidate)?.[1];
        const holders = network.byName.get((linked ?? candidate).toLowerCase());
        if (holders === undefined) continue;
        const addresses = [...holders].flatMap((holder) => network.entries.get(holder)?.addresses ?? []);
        return rotate(
          addresses.filter((address) => address.family === family),
          this.#turn++,
        );
      }
    }
    return undefined;
  }

  /** `web.frontend` for an address of an endpoint in one of the view's networks. */
  findName({ networks }: NameView, address: IpAddress): string | undefined {
    for (const { id } of networks) {
      const network = this.#networks.get(id);
      const entry = network?.entries.get(network.byAddress.get(keyOf(address)) ?? "");
      if (network !== undefined && entry !== undefined) return `${entry.firstName}.${network.name}`;
    }
    return undefined;
  }
}

function keyOf({ family, value }: IpAddress): string {
  return `${family}/${value}`;
}

function rotate<T>(items: readonly T[], by: number): readonly T[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
