import type { Volume } from "../../api/types/volume.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import type { Listing, Row } from "./rows.ts";

/** The list of volumes. */
export const volumeListing: Listing = {
  rowName: "volume",
  headings: {
    Name: "VOLUME NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    Mountpoint: "MOUNTPOINT",
    Labels: "LABELS",
    Links: "LINKS",
    Size: "SIZE",
    Availability: "AVAILABILITY",
    Group: "GROUP",
    Status: "STATUS",
  },
  table: "{{.Driver}}\t{{.Name}}",
  quiet: "{{.Name}}",
};

export function volumeRow(volume: Volume): Row {
  const { Name, Driver, Scope, Mountpoint, UsageData } = volume;
  const labels = volume.Labels ?? {};
  return {
    Name,
    Driver,
    Scope,
    Mountpoint,
    Labels: Object.keys(labels)
      .sort()
      .map((name) => `${name}=${labels[name]}`)
      .join(","),
    Links: UsageData === undefined ? "N/A" : String(UsageData.RefCount),
    Size: UsageData === undefined ? "N/A" : formatByteSize(UsageData.Size),
    // Of volumes of a cluster.
    Availability: "N/A",
    Group: "N/A",
    Status: "N/A",
    Label: (name: string) => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : ""),
  };
}

/** As people count: "v2" before "v10". */
export function byName({ Name: one }: Volume, { Name: other }: Volume): number {
  return one.localeCompare(other, "en", { numeric: true });
}
