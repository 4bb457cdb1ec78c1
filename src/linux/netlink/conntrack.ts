import { encodeIpAddress, type IpAddress, type IpFamily } from "../../spec/ip-address.ts";
import { errno } from "../kernel/errno.ts";
import type { NetlinkRequest } from "./message.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import { bytesAttribute, nestedAttribute, u32Attribute, u8Attribute, type Attribute } from "./attributes.ts";

// <linux/netfilter/nfnetlink_conntrack.h>
const SUBSYSTEM = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_FILTER = 25;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const FILTER_IP_SRC = 1 << 0;
const FILTER_PROTO_NUM = 1 << 3;
const FILTER_PROTO_DST_PORT = 1 << 5;
const IPPROTO_UDP = 17;
const AF = { 4: 2, 6: 10 } as const;
const sourceType = { 4: 1, 6: 3 } as const;

/** A request to delete the connections that match. */
function forget(family: IpFamily, attributes: readonly Attribute[]): NetlinkRequest {
  return {
    type: (SUBSYSTEM << 8) | IPCTNL_MSG_CT_DELETE,
    flags: 0,
    // The version field marks the family as significant.
    payload: Buffer.concat([Buffer.from([AF[family], 1, 0, 0]), ...attributes]),
    about: "forget connections",
    tolerates: [errno.ENOENT],
  };
}

function filter(options: { readonly original: number; readonly reply: number }): Attribute {
  return nestedAttribute(
    CTA_FILTER,
    u32Attribute(CTA_FILTER_ORIG_FLAGS, options.original),
    u32Attribute(CTA_FILTER_REPLY_FLAGS, options.reply),
  );
}

/**
 * Connections of every protocol that these hosts began or answer: containers that are gone. On the thread pool, as the
 * kernel walks through its whole table for each. KERNEL(5.8): the filter.
 */
export async function forgetFlowsOf(socket: NetlinkSocket, addresses: readonly IpAddress[]): Promise<void> {
  await socket.sendAside(
    addresses.flatMap((address) => {
      const { family } = address;
      const ip = nestedAttribute(CTA_TUPLE_IP, bytesAttribute(sourceType[family], encodeIpAddress(address)));
      return [
        forget(family, [nestedAttribute(CTA_TUPLE_ORIG, ip), filter({ original: FILTER_IP_SRC, reply: 0 })]),
        forget(family, [nestedAttribute(CTA_TUPLE_REPLY, ip), filter({ original: 0, reply: FILTER_IP_SRC })]),
      ];
    }),
  );
}

/** UDP flows to this port, which were known before it was published and would go on past it. */
export function forgetUdpTo(
  socket: NetlinkSocket,
  { family, port }: { readonly family: IpFamily; readonly port: number },
): void {
  socket.send([
    forget(family, [
      nestedAttribute(
        CTA_TUPLE_ORIG,
        nestedAttribute(
          CTA_TUPLE_PROTO,
          u8Attribute(CTA_PROTO_NUM, IPPROTO_UDP),
          bytesAttribute(CTA_PROTO_DST_PORT, Uint8Array.of(port >> 8, port & 0xff)),
        ),
      ),
      filter({ original: FILTER_PROTO_NUM | FILTER_PROTO_DST_PORT, reply: 0 }),
    ]),
  ]);
}
