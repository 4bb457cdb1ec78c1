import {
  decodeIpAddress,
  encodeIpAddress,
  firstOf,
  formatIpAddress,
  formatIpPrefix,
  lastOf,
  type IpAddress,
  type IpPrefix,
} from "../../spec/ip-address.ts";
import { errno } from "../kernel/errno.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import { attributeMap, bytesAttribute, u32Attribute } from "./attributes.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type NetlinkRequest } from "./message.ts";

// <linux/rtnetlink.h>, <linux/if_addr.h>
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RT_TABLE_MAIN = 254;
const RTPROT_KERNEL = 2;
const RTPROT_BOOT = 3;
/** KERNEL: IP6_RT_PRIO_ADDRCONF, what a subnet's route of IPv6 has. */
const SUBNET_PRIORITY_6 = 256;
const RTN_UNICAST = 1;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const AF = { 4: 2, 6: 10 } as const;

/** An address of an interface, with its subnet's length. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly bits: number;
}

export interface HostAddress extends InterfaceAddress {
  readonly index: number;
}

export interface HostRoute {
  readonly prefix: IpPrefix;
  readonly index: number;
  readonly gateway?: IpAddress | undefined;
}

function addressMessage({ address, bits }: InterfaceAddress, index: number): Buffer {
  const head = Buffer.from([AF[address.family], bits, address.family === 6 ? IFA_F_NODAD : 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(index, 4);
  const bytes = encodeIpAddress(address);
  return Buffer.concat([
    head,
    bytesAttribute(IFA_LOCAL, bytes),
    bytesAttribute(IFA_ADDRESS, bytes),
    ...(address.family === 6 ? [u32Attribute(IFA_FLAGS, IFA_F_NODAD)] : []),
    ...(address.family === 4 && bits < 31
      ? [bytesAttribute(IFA_BROADCAST, encodeIpAddress(lastOf({ address, bits })))]
      : []),
  ]);
}

/** Usable at once, without duplicate address detection. */
export function addAddress(address: InterfaceAddress, index: number): NetlinkRequest {
  return {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: addressMessage(address, index),
    about: `add the address ${formatIpAddress(address.address)}/${address.bits}`,
    tolerates: [errno.EEXIST],
  };
}

export function removeAddress(address: InterfaceAddress, index: number): NetlinkRequest {
  return {
    type: RTM_DELADDR,
    flags: 0,
    payload: addressMessage(address, index),
    about: `remove the address ${formatIpAddress(address.address)}/${address.bits}`,
    tolerates: [errno.EADDRNOTAVAIL],
  };
}

function routeMessage(route: HostRoute, source?: IpAddress): Buffer {
  const { prefix, index, gateway } = route;
  const scope = gateway === undefined && prefix.address.family === 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  const head = Buffer.from([
    AF[prefix.address.family],
    prefix.bits,
    0,
    0,
    RT_TABLE_MAIN,
    source === undefined ? RTPROT_BOOT : RTPROT_KERNEL,
    scope,
    RTN_UNICAST,
    0,
    0,
    0,
    0,
  ]);
  return Buffer.concat([
    head,
    ...(prefix.bits === 0 ? [] : [bytesAttribute(RTA_DST, encodeIpAddress(prefix.address))]),
    ...(gateway === undefined ? [] : [bytesAttribute(RTA_GATEWAY, encodeIpAddress(gateway))]),
    u32Attribute(RTA_OIF, index),
    ...(source?.family === 4 ? [bytesAttribute(RTA_PREFSRC, encodeIpAddress(source))] : []),
    ...(source?.family === 6 ? [u32Attribute(RTA_PRIORITY, SUBNET_PRIORITY_6)] : []),
  ]);
}

/** The route to an address's own subnet, as the kernel makes it for an interface that is up. */
export function addSubnetRoute({ address, bits }: InterfaceAddress, index: number): NetlinkRequest {
  const route: HostRoute = { prefix: { address: firstOf({ address, bits }), bits }, index };
  return { ...addRoute(route), payload: routeMessage(route, address) };
}

export function addRoute(route: HostRoute): NetlinkRequest {
  return {
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    payload: routeMessage(route),
    about: `add the route ${describe(route)}`,
  };
}

export function removeRoute(route: HostRoute): NetlinkRequest {
  return {
    type: RTM_DELROUTE,
    flags: 0,
    payload: routeMessage(route),
    about: `remove the route ${describe(route)}`,
    tolerates: [errno.ESRCH],
  };
}

function describe({ prefix, gateway }: HostRoute): string {
  return `to ${formatIpPrefix(prefix)}${gateway === undefined ? "" : ` by ${formatIpAddress(gateway)}`}`;
}

export function listAddresses(socket: NetlinkSocket): readonly HostAddress[] {
  return socket
    .dump({ type: RTM_GETADDR, flags: 0, payload: Buffer.alloc(8), about: "list the addresses" })
    .flatMap(({ payload }) => {
      const attributes = attributeMap(payload, 8);
      const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
      if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) return [];
      return [
        { address: decodeIpAddress(bytes), bits: payload.readUInt8(1), index: payload.readUInt32LE(4) },
      ];
    });
}

/** Of the main table; what is not to be sent (blackholes, local addresses) is left out. */
export function listRoutes(socket: NetlinkSocket): readonly HostRoute[] {
  return socket
    .dump({ type: RTM_GETROUTE, flags: 0, payload: Buffer.alloc(12), about: "list the routes" })
    .flatMap(({ payload }) => {
      const family = payload.readUInt8(0) === AF[4] ? 4 : payload.readUInt8(0) === AF[6] ? 6 : undefined;
      if (
        family === undefined ||
        payload.readUInt8(4) !== RT_TABLE_MAIN ||
        payload.readUInt8(7) !== RTN_UNICAST
      )
        return [];
      const attributes = attributeMap(payload, 12);
      const destination = attributes.get(RTA_DST);
      const gateway = attributes.get(RTA_GATEWAY);
      return [
        {
          prefix: {
            address: destination === undefined ? { family, value: 0n } : decodeIpAddress(destination),
            bits: payload.readUInt8(1),
          },
          index: attributes.get(RTA_OIF)?.readUInt32LE(0) ?? 0,
          gateway: gateway && decodeIpAddress(gateway),
        },
      ];
    });
}
