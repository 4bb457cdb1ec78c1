import type { Expression } from "../../linux/nftables/rules.ts";
import type { TestPacket } from "./test-packet.ts";

// <linux/netfilter/xt_*.h>: what iptables' own matches have in their data, in the machine's byte order.
const STATE_NEW = 1 << 3;
const STATE_DNAT = 1 << 7;
const TYPE_UNICAST = 1 << 1;
const TYPE_LOCAL = 1 << 2;
const CONNTRACK_STATE = 1 << 0;
const MULTIPORT_DESTINATION = 1;

/** A match of iptables on the packet; undefined where that is not known. */
export function evaluateExtension(step: Expression, packet: TestPacket): boolean | undefined {
  const name = step.attributes.get(1)?.toString("utf8").replace(/\0.*$/s, "") ?? "";
  const revision = step.attributes.get(2)?.readUInt32BE(0) ?? 0;
  const info = step.attributes.get(3);
  if (name === "comment") return true;
  if (info === undefined) return undefined;
  const state = STATE_NEW | (packet.isTranslated ? STATE_DNAT : 0);
  switch (name) {
    case "conntrack":
      if (revision !== 3 || info.length < 154 || info.readUInt16LE(146) !== CONNTRACK_STATE) return undefined;
      return ((info.readUInt16LE(150) & state) !== 0) !== ((info.readUInt16LE(148) & CONNTRACK_STATE) !== 0);
    case "state":
      return (info.readUInt32LE(0) & STATE_NEW) !== 0;
    case "addrtype":
      if (revision !== 1 || info.readUInt16LE(0) !== 0 || info.readUInt32LE(4) !== 0) return undefined;
      return (info.readUInt16LE(2) & (packet.isTranslated ? TYPE_UNICAST : TYPE_LOCAL)) !== 0;
    case "multiport":
      return revision === 1 ? hasPort(info, packet.destinationPort) : undefined;
    case "tcp":
    case "udp":
      return hasPlainPort(name, info, packet.destinationPort);
    default:
      return undefined;
  }
}

/** Flags, count, 15 ports, 15 marks of those that begin a range, inversion. */
function hasPort(info: Buffer, port: number): boolean | undefined {
  if (info.readUInt8(0) !== MULTIPORT_DESTINATION) return undefined;
  const count = info.readUInt8(1);
  let found = false;
  for (let at = 0; at < count; at++) {
    const first = info.readUInt16LE(2 + at * 2);
    const isRange = info.readUInt8(32 + at) !== 0;
    const last = isRange ? info.readUInt16LE(2 + (at + 1) * 2) : first;
    if (port >= first && port <= last) found = true;
    if (isRange) at++;
  }
  return found !== (info.readUInt8(47) !== 0);
}

/** Two bounds of the source's port, two of the destination's, then, of TCP, flags, and inversion. */
function hasPlainPort(name: "tcp" | "udp", info: Buffer, port: number): boolean | undefined {
  const inversion = info.readUInt8(name === "tcp" ? 11 : 8);
  const hasFlags = name === "tcp" && (info.readUInt8(8) !== 0 || info.readUInt8(9) !== 0);
  const anySource = info.readUInt16LE(0) === 0 && info.readUInt16LE(2) === 0xffff;
  if (!anySource || hasFlags || (inversion & ~2) !== 0) return undefined;
  const isInside = port >= info.readUInt16LE(4) && port <= info.readUInt16LE(6);
  return isInside !== ((inversion & 2) !== 0);
}
