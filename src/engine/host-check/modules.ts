/** Parts of the kernel that may be modules: the file's name, its build option, and what does not work without it. */
export interface ModulePart {
  readonly check: string;
  readonly module: string;
  readonly option: string;
  readonly status: "missing" | "warning" | "info";
  readonly without: string;
  /** Of no stock kernel: no package brings it. */
  readonly isForeign?: true | undefined;
}

export const moduleParts: readonly ModulePart[] = [
  {
    check: "overlay",
    module: "overlay",
    option: "OVERLAY_FS",
    status: "warning",
    without: "the storage driver overlay; vfs copies the whole image for each container",
  },
  {
    check: "erofs",
    module: "erofs",
    option: "EROFS_FS",
    status: "info",
    without: "the storage driver erofs",
  },
  {
    check: "btrfs",
    module: "btrfs",
    option: "BTRFS_FS",
    status: "info",
    without: "the storage driver btrfs",
  },
  {
    check: "device mapper",
    module: "dm_thin_pool",
    option: "DM_THIN_PROVISIONING",
    status: "info",
    without: "the storage driver devicemapper",
  },
  {
    check: "loop devices",
    module: "loop",
    option: "BLK_DEV_LOOP",
    status: "info",
    without: "the storage driver devicemapper on files, and erofs before Linux 6.12",
  },
  {
    check: "aufs",
    module: "aufs",
    option: "AUFS_FS",
    status: "info",
    without: "the storage driver aufs",
    isForeign: true,
  },
  {
    check: "nf_tables",
    module: "nf_tables",
    option: "NF_TABLES",
    status: "missing",
    without: "published ports, masquerading and bridge networks other than the default one",
  },
  {
    check: "nat",
    module: "nft_nat",
    option: "NFT_NAT",
    status: "missing",
    without: "published ports and masquerading",
  },
  {
    check: "fib",
    module: "nft_fib_inet",
    option: "NFT_FIB_INET",
    status: "missing",
    without: "published ports",
  },
  {
    check: "bridge",
    module: "bridge",
    option: "BRIDGE",
    status: "missing",
    without: "bridge networks, the default one included",
  },
  {
    check: "veth",
    module: "veth",
    option: "VETH",
    status: "missing",
    without: "bridge networks, the default one included",
  },
  {
    check: "macvlan",
    module: "macvlan",
    option: "MACVLAN",
    status: "info",
    without: "the network driver macvlan and direct container links (bypass_bridge)",
  },
  {
    check: "ipvlan",
    module: "ipvlan",
    option: "IPVLAN",
    status: "info",
    without: "the network driver ipvlan",
  },
  {
    check: "VLAN interfaces",
    module: "8021q",
    option: "VLAN_8021Q",
    status: "info",
    without: "parents like eth0.10 of networks of macvlan and ipvlan",
  },
  {
    check: "iptables-nft rules",
    module: "nft_compat",
    option: "NFT_COMPAT",
    status: "info",
    without: "respect-host on hosts with rules of iptables-nft: a rule that cannot be read refuses",
  },
  {
    check: "sock_diag",
    module: "inet_diag",
    option: "INET_DIAG",
    status: "info",
    without: "the fast check whether a program of the host has a published port",
  },
];
