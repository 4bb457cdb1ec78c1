import { encodeIpAddress, formatIpAddress, type IpAddress } from "../../spec/ip-address.ts";
import { errno } from "../kernel/errno.ts";
import { formatMacAddress } from "./links.ts";
import { attributeMap, bytesAttribute } from "./attributes.ts";
import type { NetlinkRequest } from "./message.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

// <linux/rtnetlink.h>, <linux/neighbour.h>
const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NTF_SELF = 2;
const HEAD_BYTES = 12;
const LINK_INFO_BYTES = 16;
const AF_BRIDGE = 7;
const AF = { 4: 2, 6: 10 } as const;

/**
 * Forgets the hardware address behind an address on an interface. Fine when absent. SPEC: struct ndmsg of rtnetlink(7)
 */
export function removeNeighbor(address: IpAddress, index: number): NetlinkRequest {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(AF[address.family], 0);
  head.writeInt32LE(index, 4);
  return {
    type: RTM_DELNEIGH,
    flags: 0,
    payload: Buffer.concat([head, bytesAttribute(NDA_DST, encodeIpAddress(address))]),
    about: `forget the neighbor ${formatIpAddress(address)}`,
    tolerates: [errno.ENOENT, errno.ENODEV],
  };
}

/** The hardware addresses, of one host or of many, that the interface accepts frames for in addition to its own. */
export function listAcceptedMacAddresses(socket: NetlinkSocket, index: number): ReadonlySet<string> {
  const info = Buffer.alloc(LINK_INFO_BYTES);
  info.writeUInt8(AF_BRIDGE, 0);
  info.writeInt32LE(index, 4);
  const about = `list the hardware addresses of the interface ${index}`;
  const found = socket
    .dump({ type: RTM_GETNEIGH, flags: 0, payload: info, about })
    // KERNEL: of a bridge, those of its ports come along.
    .filter(({ payload }) => payload.readInt32LE(4) === index && (payload.readUInt8(10) & NTF_SELF) !== 0)
    .map(({ payload }) => formatMacAddress(attributeMap(payload, HEAD_BYTES).get(NDA_LLADDR)));
  return new Set(found);
}
