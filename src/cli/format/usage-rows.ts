import type { SystemUsage } from "../../api/types/usage.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { containerListing, containerRow } from "./container-row.ts";
import { imageListing, imageRows } from "./image-rows.ts";
import type { Listing, Row } from "./rows.ts";

export const usageListing: Listing = {
  rowName: "usage",
  headings: { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" },
  table: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
};

/** A row each kind of thing; what is used by nothing that runs can be had back. */
export function usageRows(usage: SystemUsage): readonly Row[] {
  const { LayersSize, Images, Containers, Volumes, BuildCache } = usage;
  const images = Images ?? [];
  const containers = (Containers ?? []).map(({ State, SizeRw = 0 }) => ({
    isActive: ["running", "paused", "restarting"].includes(State),
    bytes: SizeRw,
  }));
  const volumes = (Volumes ?? []).map(({ UsageData }) => ({
    isActive: (UsageData?.RefCount ?? 0) > 0,
    bytes: Math.max(0, UsageData?.Size ?? 0),
  }));
  const cached = (BuildCache ?? []).map(({ InUse, Size }) => ({ isActive: InUse, bytes: Size }));
  // What only images in use have: layers that others share stay counted as theirs, as in Docker.
  const imagesInUse = images.filter((image) => image.Containers !== 0);
  const usedBytes = sum(imagesInUse.map(({ Size, SharedSize }) => Size - Math.max(0, SharedSize)));
  return [
    {
      Type: "Images",
      TotalCount: String(images.length),
      Active: String(imagesInUse.length),
      Size: formatByteSize(LayersSize),
      Reclaimable: share(LayersSize - usedBytes, LayersSize),
    },
    rowOf("Containers", containers),
    rowOf("Local Volumes", volumes),
    { ...rowOf("Build Cache", cached), Reclaimable: formatByteSize(reclaimableOf(cached)) },
  ];
}

interface Counted {
  readonly isActive: boolean;
  readonly bytes: number;
}

function rowOf(type: string, things: readonly Counted[]): Row {
  const total = sum(things.map(({ bytes }) => bytes));
  return {
    Type: type,
    TotalCount: String(things.length),
    Active: String(things.filter(({ isActive }) => isActive).length),
    Size: formatByteSize(total),
    Reclaimable: share(reclaimableOf(things), total),
  };
}

function reclaimableOf(things: readonly Counted[]): number {
  return sum(things.map(({ isActive, bytes }) => (isActive ? 0 : bytes)));
}

function share(part: number, whole: number): string {
  return whole > 0 ? `${formatByteSize(part)} (${Math.trunc((part * 100) / whole)}%)` : formatByteSize(part);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

export interface UsageSection {
  readonly name: "Images" | "Containers" | "Volumes" | "BuildCache";
  readonly heading: string;
  readonly listing: Listing;
  readonly rows: readonly Row[];
}

/** One list each kind of thing, for `--verbose`. */
export function usageSections(
  { Images, Containers, Volumes, BuildCache }: SystemUsage,
  { isWhole, nowMs }: { readonly isWhole: boolean; readonly nowMs: number },
): readonly UsageSection[] {
  const cache = BuildCache ?? [];
  return [
    {
      name: "Images",
      heading: "Images space usage:",
      listing: withTable(
        imageListing({ hasDigests: false }),
        "Repository Tag ID CreatedSince Size SharedSize UniqueSize Containers",
      ),
      // Of an image's names the first alone, as in Docker.
      rows: (Images ?? []).flatMap((image) =>
        imageRows(image, { isWhole, hasDigests: false, nowMs }).slice(0, 1),
      ),
    },
    {
      name: "Containers",
      heading: "Containers space usage:",
      listing: withTable(
        containerListing({ hasSize: true }),
        "ID Image Command LocalVolumes Size RunningFor Status Names",
      ),
      rows: (Containers ?? []).map((container) =>
        containerRow({ ...container, SizeRootFs: 0 }, { isWhole, nowMs }),
      ),
    },
    {
      name: "Volumes",
      heading: "Local Volumes space usage:",
      listing: withTable(
        { rowName: "volume", headings: { Name: "VOLUME NAME", Links: "LINKS", Size: "SIZE" }, table: "" },
        "Name Links Size",
      ),
      rows: (Volumes ?? []).map(({ Name, Driver, Mountpoint, Scope, UsageData }) => ({
        Name,
        Driver,
        Mountpoint,
        Scope,
        Links: UsageData === undefined || UsageData.RefCount < 0 ? "N/A" : String(UsageData.RefCount),
        Size: UsageData === undefined || UsageData.Size < 0 ? "N/A" : formatByteSize(UsageData.Size),
      })),
    },
    {
      name: "BuildCache",
      heading: `Build cache usage: ${formatByteSize(sum(cache.map(({ Size }) => Size)))}`,
      listing: withTable(
        {
          rowName: "build cache",
          headings: {
            ID: "CACHE ID",
            CacheType: "CACHE TYPE",
            Size: "SIZE",
            CreatedSince: "CREATED",
            LastUsedSince: "LAST USED",
            UsageCount: "USAGE",
            Shared: "SHARED",
          },
          table: "",
        },
        "ID CacheType Size CreatedSince LastUsedSince UsageCount Shared",
      ),
      rows: [],
    },
  ];
}

function withTable(listing: Listing, names: string): Listing {
  const table = names
    .split(" ")
    .map((name) => `{{.${name}}}`)
    .join("\t");
  return { ...listing, table };
}
