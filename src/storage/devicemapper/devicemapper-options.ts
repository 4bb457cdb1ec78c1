import { mergeDefined } from "../../base/defined.ts";
import { parseByteSize } from "../../base/byte-size.ts";
import { Failure, within } from "../../base/failure.ts";

/** The options `--storage-opt dm.…` of the daemon; absent options are undefined. */
export interface DevicemapperOptions {
  /** Name of an existing thin pool, this data root's alone. */
  readonly thinPoolDevice?: string | undefined;
  /** Of the pool's data file: at the beginning, and, when it is more than there is, from now on. */
  readonly loopDataBytes?: number | undefined;
  readonly loopMetadataBytes?: number | undefined;
  /** Up to this the data file is enlarged by itself. */
  readonly loopDataMostBytes?: number | undefined;
  /** Of a container's file system. */
  readonly baseBytes?: number | undefined;
  readonly filesystem?: "ext4" | "xfs" | undefined;
  /** Of the pool's data and of its metadata, below which nothing new is begun. */
  readonly leastFreePercent?: number | undefined;
}

type Reader = (value: string) => DevicemapperOptions;

const size =
  (name: keyof DevicemapperOptions, leastMebibytes: number): Reader =>
  (value) => {
    const bytes = parseByteSize(value);
    if (bytes < leastMebibytes * 2 ** 20)
      throw new Failure("invalid", `"${value}" is less than ${leastMebibytes}m`);
    return { [name]: bytes };
  };

/** Docker's names, and one of our own. */
const readers: Readonly<Record<string, Reader>> = {
  "dm.thinpooldev": (value) => ({ thinPoolDevice: readPoolName(value) }),
  "dm.loopdatasize": size("loopDataBytes", 64),
  "dm.loopmetadatasize": size("loopMetadataBytes", 2),
  "dm.loopdatamax": size("loopDataMostBytes", 64),
  "dm.basesize": size("baseBytes", 16),
  "dm.fs": (value) => {
    if (value === "ext4" || value === "xfs") return { filesystem: value };
    throw new Failure("invalid", `"${value}" is no file system for it (ext4, xfs)`);
  },
  "dm.min_free_space": (value) => {
    const percent = /^(\d{1,2})%$/.exec(value)?.[1];
    if (percent === undefined) throw new Failure("invalid", `"${value}" is no percentage from 0% to 99%`);
    return { leastFreePercent: Number(percent) };
  },
};

/** Of Docker's, those that are always so here, or need a tool. */
const settled: Readonly<Record<string, string>> = {
  "dm.use_deferred_removal": "devices are always removed so",
  "dm.use_deferred_deletion": "what is in use is always deleted later",
  "dm.blkdiscard": "what is removed is always given back",
  "dm.directlvm_device": "make the pool with LVM, then name it by dm.thinpooldev",
  "dm.datadev": "make a pool of it, then name it by dm.thinpooldev",
  "dm.metadatadev": "make a pool of it, then name it by dm.thinpooldev",
  "dm.override_udev_sync_check": "udev has no part in it",
};

/** Each text is `name=value`; the last one of a name counts. Throws "invalid" naming the option. */
export function parseDevicemapperOptions(texts: readonly string[]): DevicemapperOptions {
  let options: DevicemapperOptions = {};
  for (const text of texts) {
    const [name = "", ...rest] = text.split("=");
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (reader === undefined) throw unknown(name);
    try {
      if (rest.length === 0 || rest.join("=") === "") throw new Failure("invalid", "it has no value");
      options = mergeDefined(options, reader(rest.join("=")));
    } catch (thrown) {
      throw within(`cannot use the storage option "${text}"`, thrown);
    }
  }
  if (options.thinPoolDevice !== undefined) {
    const other = Object.entries({
      "dm.loopdatasize": options.loopDataBytes,
      "dm.loopmetadatasize": options.loopMetadataBytes,
      "dm.loopdatamax": options.loopDataMostBytes,
    }).find(([, value]) => value !== undefined)?.[0];
    if (other !== undefined)
      throw new Failure(
        "invalid",
        `cannot use the storage option "${other}" together with "dm.thinpooldev": that pool is not in a file of ours`,
      );
  }
  if (options.filesystem === "xfs" && options.baseBytes !== undefined && options.baseBytes < 300 * 2 ** 20)
    throw new Failure("invalid", 'cannot use the storage option "dm.basesize": xfs needs 300m at least');
  return options;
}

function unknown(name: string): Failure {
  const why = Object.hasOwn(settled, name)
    ? `it is not needed here: ${settled[name]}`
    : `the driver devicemapper has no such option (known: ${Object.keys(readers).join(", ")})`;
  return new Failure("invalid", `cannot use the storage option "${name}": ${why}`);
}

function readPoolName(value: string): string {
  const name = value.replace(/^\/dev\/mapper\//, "");
  if (/^[A-Za-z0-9#+\-.:=@_]{1,127}$/.test(name)) return name;
  throw new Failure(
    "invalid",
    `"${value}" is no name of a mapped device (dmsetup ls shows them; of an LVM pool: VG-POOL)`,
  );
}
