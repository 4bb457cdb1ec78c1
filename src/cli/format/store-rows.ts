import type { StoreUsage } from "../../api/types/tare.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import type { Listing, Row } from "./rows.ts";

const names: Readonly<Record<string, string>> = {
  layers: "Unpacked layers",
  blobs: "Blobs",
  "dropped-blobs": "Records of dropped blobs",
  "partial-downloads": "Partial downloads",
  containers: "Containers and logs",
  volumes: "Volumes",
  "being-removed": "Being removed",
  records: "Records and reserve",
};

const headings: Listing["headings"] = {
  Kind: "ON DISK",
  Count: "COUNT",
  Size: "SIZE",
  Bytes: "BYTES",
  Note: "NOTE",
};

export const storeListing: Listing = {
  rowName: "store usage",
  headings,
  table: "{{.Kind}}\t{{.Count}}\t{{.Size}}\t{{.Note}}",
};

/** With every byte. */
export const storeListingExact: Listing = {
  rowName: "store usage",
  headings,
  table: "{{.Kind}}\t{{.Count}}\t{{.Size}}\t{{.Bytes}}\t{{.Note}}",
};

/** A row each kind of thing in the data root, then all of it. */
export function storeRows({ Kinds, TotalSize, Rebuildable, Refetchable }: StoreUsage): readonly Row[] {
  const rows = Kinds.map(({ Kind, Count, Size }) => ({
    Kind: names[Kind] ?? Kind,
    Count: Kind === "records" ? "" : String(Count),
    Size: formatByteSize(Size),
    Bytes: String(Size),
    Note: Kind === "dropped-blobs" ? noteOf({ Rebuildable, Refetchable }) : "",
  }));
  return [
    ...rows,
    { Kind: "Total", Count: "", Size: formatByteSize(TotalSize), Bytes: String(TotalSize), Note: "" },
  ];
}

function noteOf({ Rebuildable, Refetchable }: Pick<StoreUsage, "Rebuildable" | "Refetchable">): string {
  const parts = [
    ...(Rebuildable.Count > 0 ? [`${formatByteSize(Rebuildable.Size)} can be rebuilt`] : []),
    ...(Refetchable.Count > 0 ? [`${formatByteSize(Refetchable.Size)} can be fetched again`] : []),
  ];
  return parts.join(", ");
}
