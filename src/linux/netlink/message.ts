import { attributeMap, textOf } from "./attributes.ts";

/** One request: its payload behind struct nlmsghdr, and its purpose, in words that follow "cannot". */
export interface NetlinkRequest {
  readonly type: number;
  /** NLM_F_ flags in addition to REQUEST and ACK. */
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly about: string;
  /** Errors that are as good as success: EEXIST of what should be there, ENOENT of what should not. */
  readonly tolerates?: readonly number[] | undefined;
}

export interface NetlinkReply {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
export const MESSAGE_HEAD_BYTES = 16;

/** struct nlmsghdr and payload, padded. SPEC: netlink(7) */
export function encodeMessage(
  request: NetlinkRequest,
  { sequence, flags }: { readonly sequence: number; readonly flags: number },
): Buffer {
  const length = MESSAGE_HEAD_BYTES + request.payload.length;
  const message = Buffer.alloc((length + 3) & ~3);
  message.writeUInt32LE(length, 0);
  message.writeUInt16LE(request.type, 4);
  message.writeUInt16LE(request.flags | flags, 6);
  message.writeUInt32LE(sequence, 8);
  message.set(request.payload, MESSAGE_HEAD_BYTES);
  return message;
}

/** The messages of one datagram. */
export function parseMessages(bytes: Buffer): readonly NetlinkReply[] {
  const found: NetlinkReply[] = [];
  for (let at = 0; at + MESSAGE_HEAD_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (length < MESSAGE_HEAD_BYTES || at + length > bytes.length) break;
    found.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + MESSAGE_HEAD_BYTES, at + length),
    });
    at += (length + 3) & ~3;
  }
  return found;
}

/** For a reply of type NLMSG_ERROR: the error's number (0: an acknowledgement) and the kernel's message. */
export function parseError(reply: NetlinkReply): { readonly errno: number; readonly text: string } {
  const errno = -reply.payload.readInt32LE(0);
  if ((reply.flags & NLM_F_ACK_TLVS) === 0) return { errno, text: "" };
  const echoed = (reply.flags & NLM_F_CAPPED) === 0 ? reply.payload.readUInt32LE(4) : MESSAGE_HEAD_BYTES;
  const attributes = attributeMap(reply.payload, 4 + ((echoed + 3) & ~3));
  return { errno, text: textOf(attributes.get(NLMSGERR_ATTR_MSG)) };
}
