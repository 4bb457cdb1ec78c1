import { encodeIpAddress, formatIpAddress, type IpAddress } from "../spec/ip-address.ts";
import { errno } from "./errno.ts";
import { bytesAttribute } from "./netlink/attributes.ts";
import type { NetlinkRequest } from "./netlink/message.ts";

// <linux/rtnetlink.h>, <linux/neighbour.h>
const RTM_DELNEIGH = 29;
const NDA_DST = 1;
const HEAD_BYTES = 12;
const AF = { 4: 2, 6: 10 } as const;

/** Forgets the hardware address behind an address on an interface. Fine when absent. SPEC: struct ndmsg of rtnetlink(7) */
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
