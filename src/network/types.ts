import type { IpAddress, IpPrefix } from "../spec/ip-address.ts";
import type { PortProtocol } from "../spec/port-range.ts";
import type { IpvlanOptions, MacvlanMode } from "../linux/netlink/links.ts";
import type { EndpointId, NetworkId } from "../model/ids.ts";

/** One address pool of a network, of either family. */
export interface NetworkSubnet {
  readonly subnet: IpPrefix;
  /** The network's own address in it; undefined with `inhibit_ipv4`, or of an internal network without a bridge. */
  readonly gateway?: IpAddress | undefined;
  /** Where containers' addresses are taken from; the whole subnet when absent. */
  readonly range?: IpPrefix | undefined;
  /** Never given to a container: name → address. */
  readonly auxiliary: Readonly<Record<string, IpAddress>>;
}

/** From where published ports of a network can be reached, and how: see docs/guide/networks-and-firewall.md. */
export type GatewayMode = "nat" | "nat-unprotected" | "routed" | "isolated";

/**
 * How containers are linked to a network: by a bridge of its own, or by child links, interfaces that are made on a
 * parent, an interface of the host.
 */
export type NetworkDriver = "bridge" | "macvlan" | "ipvlan";

/** The complete plan of a network, as it was created, without open defaults. Plain data, stored unchanged. */
export interface NetworkPlan {
  readonly id: NetworkId;
  readonly name: string;
  readonly driver: NetworkDriver;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** At most one of each family in a bridge network. An endpoint has an address of one of each family. */
  readonly subnets: readonly NetworkSubnet[];
  /** No way out of it and none in. */
  readonly internal: boolean;
  /** Its containers may talk to each other. */
  readonly interContainer: boolean;
  readonly mtu: number;
  /**
   * The largest packets of TCP that its links carry uncut, in bytes, as far as the kernel can have more than 65536.
   * Absent: 65536. Of bridge networks.
   */
  readonly gsoMaxSizes?:
    | { readonly ipv4?: number | undefined; readonly ipv6?: number | undefined }
    | undefined;
  /** Its containers send frames to each other directly, without the bridge. Of bridge networks. */
  readonly bypassesBridge?: boolean | undefined;
  /**
   * Of the host's interface: the bridge, at most 15 bytes. For macvlan and ipvlan: the parent, made by us when it is `dm-…` or
   * `di-…`.
   */
  readonly interfaceName: string;
  readonly macvlanMode?: MacvlanMode | undefined;
  readonly ipvlan?: IpvlanOptions | undefined;
  readonly gatewayMode4: GatewayMode;
  readonly gatewayMode6: GatewayMode;
  /** Where packets of its containers seem to come from outside: absent = the address of the interface they leave by. */
  readonly hostAddress4?: IpAddress | undefined;
  readonly hostAddress6?: IpAddress | undefined;
  readonly masquerade: boolean;
  /** Published ports without an address of their own listen there; absent: all addresses. */
  readonly defaultBindings: readonly IpAddress[];
}

/**
 * Ports that are published, one or a run of them: `count` host ports from `hostPort` lead to as many from
 * `containerPort`.
 */
export interface PublishedPorts {
  readonly protocol: PortProtocol;
  /** The host's address; undefined: all addresses of both families. */
  readonly hostAddress?: IpAddress | undefined;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly count: number;
}

/** One container's end in one network, all decided. */
export interface EndpointPlan {
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  /** Of its container, for limits and messages. Records of older versions lack it. */
  readonly containerId?: string | undefined;
  /** `02:42:ac:11:00:02`; "" for ipvlan, whose interfaces have their parent's. */
  readonly macAddress: string;
  readonly addresses: readonly { readonly address: IpAddress; readonly bits: number }[];
  /** Additional, with bits 16 or 64. */
  readonly linkLocal: readonly IpAddress[];
  /** Inside the container: `eth0`. */
  readonly interfaceName: string;
  /**
   * Gateways for the default routes that lead through it: none for endpoints that are not the container's default. The
   * unspecified address stands for a route to the interface itself, without a gateway.
   */
  readonly defaultGateways: readonly IpAddress[];
  /**
   * Parameters below /proc/sys, where IFNAME stands for the interface's name: `net.ipv4.conf.IFNAME.log_martians` →
   * "1".
   */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ports: readonly PublishedPorts[];
  /**
   * Its ports at IPv6 addresses of the host, all of them included, are relayed to its IPv4 address, as it has no other.
   * Not those of SCTP.
   */
  readonly relaysIpv6?: boolean | undefined;
}
