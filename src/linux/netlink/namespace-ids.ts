import { errno } from "../kernel/errno.ts";
import type { Fd } from "../kernel/fd.ts";
import { NetlinkFailure, type NetlinkSocket } from "./netlink-socket.ts";
import { attributeMap, i32Attribute } from "./attributes.ts";
import type { NetlinkReply, NetlinkRequest } from "./message.ts";

// <linux/rtnetlink.h>, <linux/net_namespace.h>
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
const NETNSA_NSID_NOT_ASSIGNED = -1;
const MESSAGE_BYTES = 4;

/**
 * The number of another network namespace in the socket's one. The kernel keeps it until that namespace is gone, even
 * after this program has ended, and it does not keep a namespace alive; then another namespace may receive the number.
 */
export type NamespaceId = number;

function payload(attribute: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(MESSAGE_BYTES), attribute]);
}

/** Gives a namespace an id, if it has none. */
export function addNamespaceId(netnsFd: Fd): NetlinkRequest {
  const any = i32Attribute(NETNSA_NSID, NETNSA_NSID_NOT_ASSIGNED);
  return {
    type: RTM_NEWNSID,
    flags: 0,
    payload: payload(Buffer.concat([any, i32Attribute(NETNSA_FD, netnsFd)])),
    about: "give a network namespace an id",
    tolerates: [errno.EEXIST],
  };
}

export function findNamespaceId(socket: NetlinkSocket, netnsFd: Fd): NamespaceId | undefined {
  const about = "look up the id of a network namespace";
  const request = { type: RTM_GETNSID, flags: 0, payload: payload(i32Attribute(NETNSA_FD, netnsFd)), about };
  return socket.get(request).map(parseId).find(isAssigned);
}

/** Whether a namespace has this id. KERNEL: without the lock of all links. */
export function isNamespaceId(socket: NetlinkSocket, id: NamespaceId): boolean {
  const about = `look up the network namespace ${id}`;
  try {
    socket.get({ type: RTM_GETNSID, flags: 0, payload: payload(i32Attribute(NETNSA_NSID, id)), about });
    return true;
  } catch (thrown) {
    if (thrown instanceof NetlinkFailure && thrown.errno === errno.ENOENT) return false;
    throw thrown;
  }
}

export function listNamespaceIds(socket: NetlinkSocket): readonly NamespaceId[] {
  const about = "list the ids of network namespaces";
  return socket
    .dump({ type: RTM_GETNSID, flags: 0, payload: Buffer.alloc(MESSAGE_BYTES), about })
    .map(parseId)
    .filter(isAssigned);
}

function parseId({ payload: bytes }: NetlinkReply): number {
  return attributeMap(bytes, MESSAGE_BYTES).get(NETNSA_NSID)?.readInt32LE(0) ?? NETNSA_NSID_NOT_ASSIGNED;
}

function isAssigned(id: number): boolean {
  return id !== NETNSA_NSID_NOT_ASSIGNED;
}
