import type { AddressPool } from "../spec/address-pool.ts";
import type { GarbageRules } from "../spec/garbage-rules.ts";
import type { IdPool } from "../spec/id-pool.ts";
import type { PublishPolicy } from "../spec/publish-policy.ts";
import type { BlobPolicy } from "../spec/registry/blob-policy.ts";

/**
 * Settings of an engine. A program passes them to openEngine(); a daemon reads them from the flags before the command
 * (`src/cli/global-flags.ts`). What is absent has its default.
 */
export interface EngineSettings {
  /**
   * "overlay", "erofs", "btrfs", "vfs", "aufs" or "devicemapper" (`docs/guide/storage-drivers.md`). Absent: the driver
   * that the data root was created with, else the first one that works here. Another driver than that of the stored
   * images and containers is "invalid".
   */
  readonly storageDriver?: string | undefined;
  /**
   * Options of the storage driver, `name=value`: `dm.basesize=20G`, … of devicemapper (docs/guide/storage-drivers.md).
   */
  readonly storageOptions?: readonly string[] | undefined;
  /** Host ids for containers with a user namespace of their own (docs/guide/user-namespaces.md). */
  readonly idPool?: IdPool | undefined;
  /**
   * The treatment of layers' blobs after unpacking: "keep"; "rebuild" drops those that can be rebuilt bit for bit;
   * "refetch" also drops those that a registry has. Absent: the policy of the data root, initially "keep".
   */
  readonly blobPolicy?: BlobPolicy | undefined;
  /**
   * Whether published ports obey the host's input rules ("respect-host") or bypass them as with Docker ("docker", the
   * default).
   */
  readonly publishPolicy?: PublishPolicy | undefined;
  /**
   * The largest TCP packets over IPv4 on the default bridge, in bytes, from 65536 (the default) to 524280:
   * `gso_max_size` in docs/guide/networks-and-firewall.md.
   */
  readonly bridgeGsoMaxSize?: number | undefined;
  /**
   * Whether packets between containers of the default bridge bypass it (default: no): `bypass_bridge` in
   * docs/guide/networks-and-firewall.md.
   */
  readonly bridgeBypass?: boolean | undefined;
  /**
   * Whether ports at IPv6 addresses of the host are relayed to containers that have IPv4 alone, as Docker's userland
   * proxy does (default: yes, on hosts with IPv6).
   */
  readonly userlandProxy?: boolean | undefined;
  /**
   * The address pools for networks without a configured subnet. Default: pools of 172.16.0.0/12 and 192.168.0.0/16
   * that depend on the data root. A family without a pool has its default pools.
   */
  readonly addressPools?: readonly AddressPool[] | undefined;
  /**
   * How long layers of a failed pull are kept for the next one, and when the disk is too full for that.
   * Default: an hour; from 85 percent of the file system in use down to 80.
   */
  readonly garbage?: GarbageRules | undefined;
  /**
   * Directories of CDI specifications; of devices with the same name, that of the later directory counts. Default
   * /etc/cdi and /var/run/cdi; empty: no CDI devices.
   */
  readonly cdiSpecDirectories?: readonly string[] | undefined;
  /**
   * Whether the engine creates keepers, network namespaces and directories before a container needs them, which makes
   * starts faster. Default: yes, unless the environment variable TARE_PREWARM is "0".
   */
  readonly prewarm?: boolean | undefined;
}
