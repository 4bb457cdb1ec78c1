import { formatByteSize } from "../../base/byte-size.ts";
import { Failure } from "../../base/failure.ts";

/** The kernel's unit of a pool's metadata. SPEC: Documentation/admin-guide/device-mapper/thin-provisioning.rst */
const metadataBlockBytes = 4096;
export const sectorBytes = 512;
/** As Docker's: what a first write to a block of a snapshot copies. */
export const poolBlockSectors = 128;

export interface PoolUse {
  readonly dataUsedBytes: number;
  readonly dataTotalBytes: number;
  readonly metadataUsedBytes: number;
  readonly metadataTotalBytes: number;
  /** "read-only" and "failed" need a repair. */
  readonly mode: "writable" | "full" | "read-only" | "failed";
}

export interface PoolGeometry {
  /** As "7:1", each. */
  readonly metadata: string;
  readonly data: string;
  readonly blockSectors: number;
}

/** The table of a thin pool: devices, block size, the low-space threshold, and whether writes wait for space. */
export function formatPoolTable({
  metadata,
  data,
  lowBlocks,
  waits,
}: {
  readonly metadata: string;
  readonly data: string;
  readonly lowBlocks: number;
  readonly waits: boolean;
}): string {
  return `${metadata} ${data} ${poolBlockSectors} ${lowBlocks} ${waits ? "0" : "1 error_if_no_space"}`;
}

/** Throws "invalid" for the table of something else. */
export function parsePoolTable(parameters: string): PoolGeometry {
  const match = /^(\d+:\d+) (\d+:\d+) (\d+) /.exec(`${parameters} `);
  if (match === null) throw new Failure("invalid", `cannot read the table of a thin pool: "${parameters}"`);
  const [, metadata = "", data = "", blockSectors = ""] = match;
  return { metadata, data, blockSectors: Number(blockSectors) };
}

/** Parses the kernel's status of a pool: `TRANSACTION USED/TOTAL USED/TOTAL HELD MODE …`, or `Fail`. */
export function parsePoolStatus(
  status: string,
  { blockSectors }: { readonly blockSectors: number },
): PoolUse {
  const match = /^\d+ (\d+)\/(\d+) (\d+)\/(\d+) \S+ (\S+)(?: .*)?$/.exec(status);
  if (match === null)
    return {
      dataUsedBytes: 0,
      dataTotalBytes: 0,
      metadataUsedBytes: 0,
      metadataTotalBytes: 0,
      mode: "failed",
    };
  const [metadataUsed = 0, metadataTotal = 0, dataUsed = 0, dataTotal = 0] = match.slice(1, 5).map(Number);
  const blockBytes = blockSectors * sectorBytes;
  return {
    dataUsedBytes: dataUsed * blockBytes,
    dataTotalBytes: dataTotal * blockBytes,
    metadataUsedBytes: metadataUsed * metadataBlockBytes,
    metadataTotalBytes: metadataTotal * metadataBlockBytes,
    mode: modes[match[5] ?? ""] ?? "failed",
  };
}

const modes: Readonly<Record<string, PoolUse["mode"]>> = {
  rw: "writable",
  ro: "read-only",
  out_of_data_space: "full",
};

/** How much can be written; less than the pool has where its file's disk has less. */
export function availableBytes(use: PoolUse, disk: DiskSpace | undefined): number {
  const inPool = use.dataTotalBytes - use.dataUsedBytes;
  return disk === undefined ? inPool : Math.min(inPool, disk.availableBytes + disk.allocatedUnusedBytes);
}

/** Where the pool's data is a file. */
export interface DiskSpace {
  readonly availableBytes: number;
  /** Allocated space of the file that the pool does not use at present. */
  readonly allocatedUnusedBytes: number;
}

export type Shortage = "data" | "disk" | "metadata";

/** The resource that is too scarce for a new operation; undefined: there is enough space. */
export function findShortage(
  use: PoolUse,
  { disk, leastFreePercent }: { readonly disk: DiskSpace | undefined; readonly leastFreePercent: number },
): Shortage | undefined {
  const least = (total: number): number => (total * leastFreePercent) / 100;
  if (use.dataTotalBytes - use.dataUsedBytes <= least(use.dataTotalBytes)) return "data";
  if (use.metadataTotalBytes - use.metadataUsedBytes <= least(use.metadataTotalBytes)) return "metadata";
  if (disk !== undefined) {
    const available = availableBytes(use, disk);
    if (available <= least(Math.min(use.dataTotalBytes, use.dataUsedBytes + available))) return "disk";
  }
  return undefined;
}

/** For people: what is short in the pool, and what helps. `file`: the pool's data, where it is one of ours. */
export function describeShortage(
  shortage: Shortage,
  {
    use,
    leastFreePercent,
    isFile,
  }: { readonly use: PoolUse; readonly leastFreePercent: number; readonly isFile: boolean },
): string {
  const [used, total] =
    shortage === "metadata"
      ? [use.metadataUsedBytes, use.metadataTotalBytes]
      : [use.dataUsedBytes, use.dataTotalBytes];
  const enlarge = isFile
    ? `enlarge it with --storage-opt dm.loop${shortage === "metadata" ? "metadata" : "data"}size`
    : `enlarge the pool (lvextend${shortage === "metadata" ? " --poolmetadatasize" : ""})`;
  const space =
    shortage === "disk"
      ? "the disk that the thin pool's file is on has less free than"
      : `of the thin pool's ${shortage} ${formatByteSize(total - used)} of ${formatByteSize(total)} are free, not more than`;
  return `${space} dm.min_free_space (${leastFreePercent}%) asks for: remove images or containers${shortage === "disk" ? ", or free space on that disk" : `, or ${enlarge}`}`;
}

/** How large a data file becomes that is too small: a fifth more, as far as it may. The same size: it may not. */
export function chooseGrowth(bytes: number, { mostBytes }: { readonly mostBytes: number }): number {
  const step = Math.max(Math.ceil(bytes / 5), 64 * 2 ** 20);
  return Math.max(bytes, Math.min(bytes + step, mostBytes));
}
