import { errno } from "./errno.ts";
import type { Fd } from "./fd.ts";
import {
  attributeMap,
  nestedAttribute,
  textAttribute,
  textOf,
  u32Attribute,
  type Attribute,
} from "./netlink/attributes.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type NetlinkRequest } from "./netlink/message.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

// <linux/rtnetlink.h>, <linux/pkt_sched.h>, <linux/pkt_cls.h>
const RTM_NEWQDISC = 36;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
const TCA_BPF_FLAG_ACT_DIRECT = 1;
const TC_H_CLSACT = 0xffff_fff1;
const CLSACT_HANDLE = 0xffff_0000;
const INGRESS_PARENT = 0xffff_fff2;
/** The first that is asked, packets of every protocol: ETH_P_ALL in network byte order. */
const INFO = (1 << 16) | 0x0300;
const HANDLE = 1;
const MESSAGE_BYTES = 20;

/** SPEC: struct tcmsg of rtnetlink(7) */
function trafficMessage(
  index: number,
  fields: { readonly handle?: number; readonly parent: number; readonly info?: number },
): Buffer {
  const message = Buffer.alloc(MESSAGE_BYTES);
  message.writeInt32LE(index, 4);
  message.writeUInt32LE(fields.handle ?? 0, 8);
  message.writeUInt32LE(fields.parent, 12);
  message.writeUInt32LE(fields.info ?? 0, 16);
  return message;
}

/**
 * What an interface receives is given to a program first, whose answer is what is done with the packet. In place of one that was put
 * there before. KERNEL: a program attached without this classifier (TCX) makes the kernel wait for all processors, 15 ms at each
 * change, with the lock of all links held.
 */
export function setIngressProgram(
  index: number,
  { program, name }: { readonly program: Fd; readonly name: string },
): readonly NetlinkRequest[] {
  const about = `have a program look at what interface ${index} receives`;
  const request = (type: number, flags: number, parts: readonly Uint8Array[]): NetlinkRequest => ({
    type,
    flags: NLM_F_CREATE | flags,
    payload: Buffer.concat(parts),
    about,
  });
  const options: Attribute = nestedAttribute(
    TCA_OPTIONS,
    u32Attribute(TCA_BPF_FD, program),
    textAttribute(TCA_BPF_NAME, name),
    u32Attribute(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT),
  );
  return [
    {
      ...request(RTM_NEWQDISC, NLM_F_EXCL, [
        trafficMessage(index, { handle: CLSACT_HANDLE, parent: TC_H_CLSACT }),
        textAttribute(TCA_KIND, "clsact"),
      ]),
      tolerates: [errno.EEXIST],
    },
    request(RTM_NEWTFILTER, NLM_F_REPLACE, [
      trafficMessage(index, { handle: HANDLE, parent: INGRESS_PARENT, info: INFO }),
      textAttribute(TCA_KIND, "bpf"),
      options,
    ]),
  ];
}

/** Of setIngressProgram(). Fine when absent. */
export function removeIngressProgram(index: number): NetlinkRequest {
  return {
    type: RTM_DELTFILTER,
    flags: 0,
    payload: Buffer.concat([
      trafficMessage(index, { handle: HANDLE, parent: INGRESS_PARENT, info: INFO }),
      textAttribute(TCA_KIND, "bpf"),
    ]),
    about: `have no program look at what interface ${index} receives`,
    tolerates: [errno.ENOENT, errno.EINVAL],
  };
}

/** The names of the programs that look at what an interface receives. */
export function listIngressPrograms(socket: NetlinkSocket, index: number): readonly string[] {
  const payload = trafficMessage(index, { parent: INGRESS_PARENT });
  const about = `list the programs of interface ${index}`;
  return socket.dump({ type: RTM_GETTFILTER, flags: 0, payload, about }).flatMap((reply) => {
    const options = attributeMap(reply.payload, MESSAGE_BYTES).get(TCA_OPTIONS);
    const name = options === undefined ? undefined : attributeMap(options).get(TCA_BPF_NAME);
    return name === undefined ? [] : [textOf(name)];
  });
}
