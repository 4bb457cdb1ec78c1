import type { IpAddress, IpFamily } from "../spec/ip-address.ts";

/** A multiset of leased addresses. As numbers: a search looks up each candidate. */
export class AddressSet {
  readonly #counts: Readonly<Record<IpFamily, Map<bigint, number>>> = { 4: new Map(), 6: new Map() };

  constructor(addresses: Iterable<IpAddress> = []) {
    for (const address of addresses) this.add(address);
  }

  get size(): number {
    return this.#counts[4].size + this.#counts[6].size;
  }

  has({ family, value }: IpAddress): boolean {
    return this.#counts[family].has(value);
  }

  add({ family, value }: IpAddress): void {
    const counts = this.#counts[family];
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }

  /** Once. Fine when absent. */
  remove({ family, value }: IpAddress): void {
    const counts = this.#counts[family];
    const count = counts.get(value) ?? 0;
    if (count > 1) counts.set(value, count - 1);
    else counts.delete(value);
  }
}

export type TakenAddresses = Pick<AddressSet, "has" | "size">;
