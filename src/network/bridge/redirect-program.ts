import { type BpfInstruction, encodeInstructions } from "../../linux/bpf-instructions.ts";
import { takesProgram } from "../../linux/bpf-program.ts";
import type { Fd } from "../../linux/fd.ts";
import { kernelIsAtLeast } from "../../linux/features.ts";
import { isForcedAbsent } from "../../linux/without.ts";

// <linux/bpf.h>, <linux/if_packet.h>, <linux/if_ether.h>
const DATA_OFFSET = 76;
const DATA_END_OFFSET = 80;
const BPF_PSEUDO_MAP_FD = 1;
const BPF_FUNC_map_lookup_elem = 1;
const BPF_FUNC_skb_change_type = 32;
const BPF_FUNC_redirect_peer = 155;
const TC_ACT_UNSPEC = -1;
const PACKET_HOST = 0;
const ETHERNET_BYTES = 14;

export const macBytes = 6;
export const redirectLicense = "Apache-2.0";

/**
 * A frame whose receiver is in the map (hardware address → index of the host's end of its pair) goes to the other end of that pair at
 * once, as if it had come through it; any other goes on to the bridge: broadcasts, what is for the host, what nobody has.
 */
export function encodeRedirect(map: Fd): Uint8Array {
  const [R0, R1, R2, R3, R4, INDEX, CONTEXT, STACK] = [0, 1, 2, 3, 4, 6, 7, 10] as const;
  const onToTheBridge: readonly BpfInstruction[] = [
    [0xb7, R0, 0, 0, TC_ACT_UNSPEC],
    [0x95], // exit
  ];
  // KERNEL: before 6.16 a packet that was another machine's for the host's end stays one, and is dropped.
  const changeType: readonly BpfInstruction[] = [
    [0xbf, R1, CONTEXT],
    [0xb7, R2, 0, 0, PACKET_HOST],
    [0x85, 0, 0, 0, BPF_FUNC_skb_change_type],
  ];
  const redirect: readonly BpfInstruction[] = [
    [0x61, INDEX, R0, 0],
    ...(kernelIsAtLeast(6, 16) ? [] : changeType),
    [0xbf, R1, INDEX],
    [0xb7, R2, 0, 0, 0],
    [0x85, 0, 0, 0, BPF_FUNC_redirect_peer],
    [0x95], // exit with its answer
  ];
  const lookUp: readonly BpfInstruction[] = [
    [0x61, R4, R2, 0], // the frame's first six bytes
    [0x63, STACK, R4, -8],
    [0x69, R4, R2, 4],
    [0x6b, STACK, R4, -4],
    [0x18, R1, BPF_PSEUDO_MAP_FD, 0, map],
    [0],
    [0xbf, R2, STACK],
    [0x07, R2, 0, 0, -8],
    [0x85, 0, 0, 0, BPF_FUNC_map_lookup_elem],
    [0x15, R0, 0, redirect.length, 0], // not there
  ];
  return encodeInstructions([
    [0xbf, CONTEXT, R1],
    [0x61, R2, R1, DATA_OFFSET],
    [0x61, R3, R1, DATA_END_OFFSET],
    [0xbf, R4, R2],
    [0x07, R4, 0, 0, ETHERNET_BYTES],
    [0x2d, R4, R3, lookUp.length + redirect.length], // shorter than a frame's head
    ...lookUp,
    ...redirect,
    ...onToTheBridge,
  ]);
}

/** Whether this kernel has what such a program calls. It is not asked for the classifier, which may be a module. */
export function hasRedirect(): boolean {
  if (isForcedAbsent("bpf-redirect")) return false;
  const program = encodeInstructions([
    [0xb7, 1, 0, 0, 1],
    [0xb7, 2, 0, 0, 0],
    [0x85, 0, 0, 0, BPF_FUNC_redirect_peer],
    [0x95],
  ]);
  return takesProgram("traffic-control", program, { license: redirectLicense });
}
