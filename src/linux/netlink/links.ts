import type { Fd } from "../kernel/fd.ts";
import { encodeGsoSizes, type GsoSizes, parseGsoSizes } from "./gso-sizes.ts";
import type { NamespaceId } from "./namespace-ids.ts";
import { NetlinkFailure, type NetlinkSocket } from "./netlink-socket.ts";
import {
  attributeMap,
  bytesAttribute,
  i32Attribute,
  nestedAttribute,
  textAttribute,
  textOf,
  u16Attribute,
  u32Attribute,
  u8Attribute,
  type Attribute,
} from "./attributes.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type NetlinkReply, type NetlinkRequest } from "./message.ts";
import { errno } from "../kernel/errno.ts";
import { requestIndex, SIOCGIFINDEX } from "../kernel/netdevice.ts";
import { attempt, SyscallFailure } from "../kernel/syscall.ts";

export type { NetlinkRequest } from "./message.ts";

// <linux/rtnetlink.h>, <linux/if_link.h>
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_AF_SPEC = 26;
const IFLA_NET_NS_FD = 28;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_TARGET_NETNSID = 46;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const VETH_INFO_PEER = 1;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;
const IFLA_VLAN_ID = 1;
const IFLA_BR_MCAST_SNOOPING = 23;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;
const AF_INET6 = 10;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFF_UP = 1;
const INFO_BYTES = 16;

/** An interface as the kernel lists it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
  readonly alias: string;
  /** Index of what it is made on, in the namespace of that; 0: nothing. */
  readonly parent: number;
  /** Index of its bridge; 0: none. */
  readonly master: number;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly macAddress: string;
  readonly gsoSizes: GsoSizes;
}

/** SPEC: struct ifinfomsg of rtnetlink(7) */
function linkInfo(
  options: { readonly index?: number | undefined; readonly up?: boolean | undefined } = {},
): Buffer {
  const info = Buffer.alloc(INFO_BYTES);
  info.writeInt32LE(options.index ?? 0, 4);
  if (options.up !== undefined) {
    info.writeUInt32LE(options.up ? IFF_UP : 0, 8);
    info.writeUInt32LE(IFF_UP, 12);
  }
  return info;
}

/** The six bytes of `02:42:ac:11:00:02`. */
export function encodeMacAddress(text: string): Uint8Array {
  return Uint8Array.from(text.split(":").map((part) => Number.parseInt(part, 16)));
}

/** The other way round; "" for none. */
export function formatMacAddress(bytes: Uint8Array = Buffer.alloc(0)): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function make(about: string, info: Buffer, attributes: readonly Attribute[]): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: Buffer.concat([info, ...attributes]),
    about,
  };
}

function set(about: string, info: Buffer, attributes: readonly Attribute[]): NetlinkRequest {
  return { type: RTM_SETLINK, flags: 0, payload: Buffer.concat([info, ...attributes]), about };
}

/** Down. */
export function addBridge(
  name: string,
  options: { readonly macAddress: string; readonly mtu: number },
): NetlinkRequest {
  return make(`make the bridge ${name}`, linkInfo(), [
    textAttribute(IFLA_IFNAME, name),
    bytesAttribute(IFLA_ADDRESS, encodeMacAddress(options.macAddress)),
    u32Attribute(IFLA_MTU, options.mtu),
    nestedAttribute(IFLA_LINKINFO, textAttribute(IFLA_INFO_KIND, "bridge")),
  ]);
}

/**
 * KERNEL: a pair uses one queue each way. Without this attribute it has one for each processor, and removing those
 * again waits twice for all their readers (1 to 3 ms). veth_init_queues()
 */
const oneQueue = [u32Attribute(IFLA_NUM_TX_QUEUES, 1), u32Attribute(IFLA_NUM_RX_QUEUES, 1)];

/** Down, both of them: the peer is born in the other namespace. */
export function addVeth(
  name: string,
  options: {
    readonly bridgeIndex: number;
    readonly mtu: number;
    /** Of both. */
    readonly gsoSizes: GsoSizes;
    readonly peer: { readonly name: string; readonly macAddress: string; readonly netnsFd: Fd };
  },
): NetlinkRequest {
  const { peer } = options;
  const sizes = encodeGsoSizes(options.gsoSizes);
  const peerAttributes = Buffer.concat([
    linkInfo(),
    textAttribute(IFLA_IFNAME, peer.name),
    bytesAttribute(IFLA_ADDRESS, encodeMacAddress(peer.macAddress)),
    u32Attribute(IFLA_MTU, options.mtu),
    u32Attribute(IFLA_NET_NS_FD, peer.netnsFd),
    ...oneQueue,
    ...sizes,
  ]);
  return make(`make the interface ${peer.name}`, linkInfo(), [
    textAttribute(IFLA_IFNAME, name),
    u32Attribute(IFLA_MTU, options.mtu),
    ...oneQueue,
    u32Attribute(IFLA_MASTER, options.bridgeIndex),
    ...sizes,
    nestedAttribute(
      IFLA_LINKINFO,
      textAttribute(IFLA_INFO_KIND, "veth"),
      nestedAttribute(IFLA_INFO_DATA, bytesAttribute(VETH_INFO_PEER, peerAttributes)),
    ),
  ]);
}

const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
export type MacvlanMode = keyof typeof macvlanModes;

/** Down; born in the other namespace, if there is one. */
export function addMacvlan(
  name: string,
  options: {
    readonly parentIndex: number;
    readonly mode: MacvlanMode;
    readonly macAddress: string;
    readonly mtu: number;
    readonly netnsFd?: Fd | undefined;
  },
): NetlinkRequest {
  return make(`make the interface ${name}`, linkInfo(), [
    textAttribute(IFLA_IFNAME, name),
    u32Attribute(IFLA_LINK, options.parentIndex),
    ...(options.mode === "passthru"
      ? []
      : [bytesAttribute(IFLA_ADDRESS, encodeMacAddress(options.macAddress))]),
    ...(options.mtu === 0 ? [] : [u32Attribute(IFLA_MTU, options.mtu)]),
    ...(options.netnsFd === undefined ? [] : [u32Attribute(IFLA_NET_NS_FD, options.netnsFd)]),
    nestedAttribute(
      IFLA_LINKINFO,
      textAttribute(IFLA_INFO_KIND, "macvlan"),
      nestedAttribute(IFLA_INFO_DATA, u32Attribute(IFLA_MACVLAN_MODE, macvlanModes[options.mode])),
    ),
  ]);
}

// IPVLAN_MODE_L2, IPVLAN_F_PRIVATE and their siblings in <linux/if_link.h>
const ipvlanModes = { l2: 0, l3: 1, l3s: 2 } as const;
const ipvlanFlags = { bridge: 0, private: 1, vepa: 2 } as const;

/** `flag`: whether interfaces of the same parent reach each other directly (`bridge`). */
export interface IpvlanOptions {
  readonly mode: keyof typeof ipvlanModes;
  readonly flag: keyof typeof ipvlanFlags;
}

/**
 * Down; born in the other namespace, with its parent's hardware address. KERNEL: mode and flag belong to the parent:
 * all interfaces on it get those of the latest one.
 */
export function addIpvlan(
  name: string,
  options: IpvlanOptions & {
    readonly parentIndex: number;
    readonly mtu: number;
    readonly netnsFd?: Fd | undefined;
  },
): NetlinkRequest {
  return make(`make the interface ${name}`, linkInfo(), [
    textAttribute(IFLA_IFNAME, name),
    u32Attribute(IFLA_LINK, options.parentIndex),
    ...(options.mtu === 0 ? [] : [u32Attribute(IFLA_MTU, options.mtu)]),
    ...(options.netnsFd === undefined ? [] : [u32Attribute(IFLA_NET_NS_FD, options.netnsFd)]),
    nestedAttribute(
      IFLA_LINKINFO,
      textAttribute(IFLA_INFO_KIND, "ipvlan"),
      nestedAttribute(
        IFLA_INFO_DATA,
        u16Attribute(IFLA_IPVLAN_MODE, ipvlanModes[options.mode]),
        u16Attribute(IFLA_IPVLAN_FLAGS, ipvlanFlags[options.flag]),
      ),
    ),
  ]);
}

/** Whether this kernel has interfaces of a kind that is made on a parent. Nothing is made. */
export function hasChildLinks(socket: NetlinkSocket, kind: "macvlan" | "ipvlan"): boolean {
  const probe = { parentIndex: 0, mtu: 0 } as const;
  const request =
    kind === "ipvlan"
      ? addIpvlan("tare-probe", { ...probe, mode: "l2", flag: "bridge" })
      : addMacvlan("tare-probe", { ...probe, mode: "bridge", macAddress: "02:00:00:00:00:01" });
  try {
    socket.send([request]);
    return true;
  } catch (thrown) {
    // It has no interface 0; a kernel without the kind returns EOPNOTSUPP.
    return thrown instanceof NetlinkFailure && thrown.code === "ENODEV";
  }
}

/**
 * A parent that leads nowhere, down. A bridge that never gets a port is one, but carries no packets of TCP beyond 65536
 * bytes. KERNEL: so is `ifb`, until a container redirects a packet to it: it takes that for one of the host's interface
 * of the same index.
 */
export function addSink(name: string, kind: "dummy" | "bridge"): NetlinkRequest {
  const options =
    kind === "bridge" ? [nestedAttribute(IFLA_INFO_DATA, u8Attribute(IFLA_BR_MCAST_SNOOPING, 0))] : [];
  return make(`make the interface ${name}`, linkInfo(), [
    textAttribute(IFLA_IFNAME, name),
    nestedAttribute(IFLA_LINKINFO, textAttribute(IFLA_INFO_KIND, kind), ...options),
  ]);
}

/** `eth0.10` of eth0. */
export function addVlan(
  name: string,
  options: { readonly parentIndex: number; readonly tag: number },
): NetlinkRequest {
  return make(`make the interface ${name}`, linkInfo({ up: true }), [
    textAttribute(IFLA_IFNAME, name),
    u32Attribute(IFLA_LINK, options.parentIndex),
    nestedAttribute(
      IFLA_LINKINFO,
      textAttribute(IFLA_INFO_KIND, "vlan"),
      nestedAttribute(IFLA_INFO_DATA, u16Attribute(IFLA_VLAN_ID, options.tag)),
    ),
  ]);
}

/** Disables the automatic link-local IPv6 address. To be set before it is up. */
export function setNoLinkLocal(name: string): NetlinkRequest {
  return set(`set up the interface ${name}`, linkInfo(), [
    textAttribute(IFLA_IFNAME, name),
    nestedAttribute(
      IFLA_AF_SPEC,
      nestedAttribute(AF_INET6, u8Attribute(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)),
    ),
  ]);
}

/** A bridge's port: may frames go out where they came in, may it reach other isolated ports. */
export function setBridgePort(
  name: string,
  options: { readonly hairpin: boolean; readonly isolated: boolean },
): NetlinkRequest {
  const attributes = [
    textAttribute(IFLA_IFNAME, name),
    nestedAttribute(
      IFLA_LINKINFO,
      textAttribute(IFLA_INFO_SLAVE_KIND, "bridge"),
      nestedAttribute(
        IFLA_INFO_SLAVE_DATA,
        u8Attribute(IFLA_BRPORT_MODE, options.hairpin ? 1 : 0),
        u8Attribute(IFLA_BRPORT_ISOLATED, options.isolated ? 1 : 0),
      ),
    ),
  ];
  // KERNEL: RTM_SETLINK ignores attributes of a port; RTM_NEWLINK without a flag changes what exists.
  return { ...set(`set up the bridge's port ${name}`, linkInfo(), attributes), type: RTM_NEWLINK };
}

/** Text that `ip link` shows, by which an interface is known as ours. */
export function setAlias(name: string, alias: string): NetlinkRequest {
  return set(`mark the interface ${name}`, linkInfo(), [
    textAttribute(IFLA_IFNAME, name),
    bytesAttribute(IFLA_IFALIAS, Buffer.from(alias)),
  ]);
}

export function setUp(name: string): NetlinkRequest {
  return set(`bring up the interface ${name}`, linkInfo({ up: true }), [textAttribute(IFLA_IFNAME, name)]);
}

export function setMtu(name: string, mtu: number): NetlinkRequest {
  return set(`set the MTU of ${name} to ${mtu}`, linkInfo(), [
    textAttribute(IFLA_IFNAME, name),
    u32Attribute(IFLA_MTU, mtu),
  ]);
}

/**
 * Fine when refused. KERNEL: a bridge can't have more than each of its ports can, and without ports no more than 65536
 * (EINVAL).
 */
export function setGsoSizes(name: string, sizes: GsoSizes): NetlinkRequest {
  return {
    ...set(`set the largest packets of ${name}`, linkInfo(), [
      textAttribute(IFLA_IFNAME, name),
      ...encodeGsoSizes(sizes),
    ]),
    tolerates: [errno.EINVAL],
  };
}

export function setMaster(name: string, bridgeIndex: number): NetlinkRequest {
  return set(`put ${name} on its bridge`, linkInfo({ up: true }), [
    textAttribute(IFLA_IFNAME, name),
    u32Attribute(IFLA_MASTER, bridgeIndex),
  ]);
}

/**
 * Takes a bridge's port away from it and sets it down: no frame passes it from now on, and the bridge forgets the
 * addresses behind it. Fine when absent. KERNEL: takes 0.2 ms, a hundredth of removeLink().
 */
export function releasePort(name: string): NetlinkRequest {
  return {
    ...set(`take ${name} off its bridge`, linkInfo({ up: false }), [
      textAttribute(IFLA_IFNAME, name),
      u32Attribute(IFLA_MASTER, 0),
    ]),
    tolerates: [errno.ENODEV],
  };
}

/** Fine when absent. KERNEL: takes 20 ms and more, as it waits for every CPU. */
export function removeLink(name: string): NetlinkRequest {
  return {
    type: RTM_DELLINK,
    flags: 0,
    payload: Buffer.concat([linkInfo(), textAttribute(IFLA_IFNAME, name)]),
    about: `remove the interface ${name}`,
    tolerates: [errno.ENODEV],
  };
}

/** As removeLink(), in the namespace of this id. Fine when that is gone. */
export function removeLinkIn(id: NamespaceId, name: string): NetlinkRequest {
  const request = removeLink(name);
  return {
    ...request,
    payload: Buffer.concat([request.payload, i32Attribute(IFLA_TARGET_NETNSID, id)]),
    tolerates: [errno.ENODEV, errno.EINVAL],
  };
}

export function listLinks(socket: NetlinkSocket): readonly Link[] {
  return socket
    .dump({ type: RTM_GETLINK, flags: 0, payload: linkInfo(), about: "list the interfaces" })
    .map(parseLink);
}

/** As listLinks(), in the namespace of this id; none when that is gone. */
export function listLinksIn(id: NamespaceId, socket: NetlinkSocket): readonly Link[] {
  const payload = Buffer.concat([linkInfo(), i32Attribute(IFLA_TARGET_NETNSID, id)]);
  const about = `list the interfaces of the network namespace ${id}`;
  try {
    return socket.dump({ type: RTM_GETLINK, flags: 0, payload, about }).map(parseLink);
  } catch (thrown) {
    if (thrown instanceof NetlinkFailure && thrown.errno === errno.EINVAL) return [];
    throw thrown;
  }
}

/** By its name or its index, in the namespace of the socket. */
export function findLink(socket: NetlinkSocket, which: string | number): Link | undefined {
  const payload =
    typeof which === "number"
      ? linkInfo({ index: which })
      : Buffer.concat([linkInfo(), textAttribute(IFLA_IFNAME, which)]);
  try {
    const about = `look up the interface ${which}`;
    const replies = socket.get({ type: RTM_GETLINK, flags: 0, payload, about });
    return replies[0] === undefined ? undefined : parseLink(replies[0]);
  } catch (thrown) {
    if (thrown instanceof NetlinkFailure && thrown.errno === errno.ENODEV) return undefined;
    throw thrown;
  }
}

/** As findLink(), of its index alone: without the lock of all links, for which others may make it wait. */
export function findLinkIndex(socket: NetlinkSocket, name: string): number | undefined {
  const { bytes, index } = requestIndex(name);
  const result = attempt("ioctl", socket.fd, SIOCGIFINDEX, bytes);
  if (result === -errno.ENODEV) return undefined;
  if (result < 0) throw new SyscallFailure("ioctl", [socket.fd, SIOCGIFINDEX, bytes], -result);
  return index();
}

function parseLink({ payload }: NetlinkReply): Link {
  const attributes = attributeMap(payload, INFO_BYTES);
  const info = attributes.get(IFLA_LINKINFO);
  return {
    index: payload.readInt32LE(4),
    name: textOf(attributes.get(IFLA_IFNAME)),
    kind: info === undefined ? "" : textOf(attributeMap(info).get(IFLA_INFO_KIND)),
    alias: textOf(attributes.get(IFLA_IFALIAS)),
    parent: attributes.get(IFLA_LINK)?.readUInt32LE(0) ?? 0,
    master: attributes.get(IFLA_MASTER)?.readUInt32LE(0) ?? 0,
    mtu: attributes.get(IFLA_MTU)?.readUInt32LE(0) ?? 0,
    isUp: (payload.readUInt32LE(8) & IFF_UP) !== 0,
    macAddress: formatMacAddress(attributes.get(IFLA_ADDRESS)),
    gsoSizes: parseGsoSizes(attributes),
  };
}
