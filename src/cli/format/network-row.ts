import type { Network } from "../../api/types/network.ts";
import type { Listing, Row } from "./rows.ts";
import { shortId } from "./text.ts";

/** The list of networks. */
export const networkListing: Listing = {
  rowName: "network",
  headings: {
    ID: "NETWORK ID",
    Name: "NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    IPv4: "IPV4",
    IPv6: "IPV6",
    Internal: "INTERNAL",
    Labels: "LABELS",
    CreatedAt: "CREATED AT",
  },
  table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
  quiet: "{{.ID}}",
};

export function networkRow(network: Network, { isWhole }: { readonly isWhole: boolean }): Row {
  const { Labels: labels } = network;
  return {
    ID: isWhole ? network.Id : shortId(network.Id),
    Name: network.Name,
    Driver: network.Driver,
    Scope: network.Scope,
    IPv4: String(network.EnableIPv4 ?? true),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    CreatedAt: network.Created.replace("T", " ").replace("Z", " +0000 UTC"),
    Labels: Object.keys(labels)
      .sort()
      .map((name) => `${name}=${labels[name]}`)
      .join(","),
    Label: (name: string) => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : ""),
  };
}

/** As people count: "net2" before "net10". */
export function byName({ Name: one }: Network, { Name: other }: Network): number {
  return one.localeCompare(other, "en", { numeric: true });
}
