import type { PortProtocol } from "../spec/port-range.ts";
import type { WallMs } from "./time.ts";
import type { ContainerId, ContainerReference, NetworkReference } from "./ids.ts";

/** One address pool as a caller asks for it; what is absent is chosen. */
export interface SubnetSpec {
  /** `10.1.0.0/16` */
  readonly subnet?: string | undefined;
  /** The part of it that containers get their addresses from. */
  readonly range?: string | undefined;
  readonly gateway?: string | undefined;
  /** Addresses that no container gets, by name. */
  readonly auxiliary?: Readonly<Record<string, string>> | undefined;
}

/** A network to create; the engine chooses what is absent. */
export interface NetworkSpec {
  readonly name: string;
  /** "bridge" (default), "macvlan" or "ipvlan". */
  readonly driver?: string | undefined;
  /** At most one of each family for "bridge". */
  readonly subnets?: readonly SubnetSpec[] | undefined;
  readonly ipamDriver?: string | undefined;
  readonly ipamOptions?: Readonly<Record<string, string>> | undefined;
  /** Default true. */
  readonly ipv4?: boolean | undefined;
  readonly ipv6?: boolean | undefined;
  /** No way out of it and none in. */
  readonly internal?: boolean | undefined;
  readonly attachable?: boolean | undefined;
  /** The driver's: `com.docker.network.bridge.name`, `com.docker.network.driver.mtu`, `parent` … */
  readonly options?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly scope?: string | undefined;
  /** Contains only settings that other networks are created from; no container can join it. */
  readonly configOnly?: boolean | undefined;
  /** A network that was made with `configOnly`. */
  readonly configFrom?: NetworkReference | undefined;
}

/** How a container is in a network; what is absent is chosen. */
export interface EndpointSettings {
  /** More names that it is found by there. */
  readonly aliases?: readonly string[] | undefined;
  /** `container:alias`: names of others, for this container alone. */
  readonly links?: readonly string[] | undefined;
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  readonly linkLocal?: readonly string[] | undefined;
  readonly macAddress?: string | undefined;
  readonly driverOptions?: Readonly<Record<string, string>> | undefined;
  /** The network with the highest one has the default route. */
  readonly gatewayPriority?: number | undefined;
}

export interface EndpointSpec extends EndpointSettings {
  readonly network: NetworkReference;
}

/** A container's end in a network. Addresses are there while it runs. */
export interface EndpointDetails {
  readonly networkId: string;
  readonly networkName: string;
  readonly settings: EndpointSettings;
  /** The names in the network's name server. */
  readonly names: readonly string[];
  readonly joined?:
    | {
        readonly endpointId: string;
        readonly macAddress: string;
        readonly interfaceName: string;
        readonly ipv4?:
          | { readonly address: string; readonly bits: number; readonly gateway?: string | undefined }
          | undefined;
        readonly ipv6?:
          | { readonly address: string; readonly bits: number; readonly gateway?: string | undefined }
          | undefined;
      }
    | undefined;
}

/** Ports that are to be reached from outside: `count` of them, from `containerPort` on. */
export interface PortSpec {
  readonly protocol?: PortProtocol | undefined;
  readonly containerPort: number;
  /** Default 1. */
  readonly count?: number | undefined;
  /** Of the host; absent: all of them. */
  readonly hostAddress?: string | undefined;
  /** The first one; absent: free ones are chosen. */
  readonly hostPort?: number | undefined;
  /** With a count of 1: the first free one from `hostPort` to this. */
  readonly lastHostPort?: number | undefined;
}

/** A run of ports that is published at the moment. */
export interface BoundPorts {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  readonly count: number;
  /** `0.0.0.0` and `::` stand for all addresses of the family. */
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** A network with the running containers in it. */
export interface NetworkDetails {
  readonly id: string;
  readonly name: string;
  readonly createdAt: WallMs;
  /** "bridge", "macvlan", "ipvlan", "host" or "null". */
  readonly driver: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly configOnly: boolean;
  readonly configFrom: string;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly subnets: readonly SubnetSpec[];
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Those that run. */
  readonly containers: Readonly<
    Record<
      ContainerId,
      {
        readonly name: string;
        readonly endpointId: string;
        readonly macAddress: string;
        /** With bits; "" where it has none. */
        readonly ipv4: string;
        readonly ipv6: string;
      }
    >
  >;
}

/** From where a published port, or a run of them, of a running container can be reached at the moment. */
export interface PublishedReach {
  readonly containerId: ContainerId;
  /** The network's name. */
  readonly network: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  /** Undefined: all of the host's. */
  readonly hostAddress?: string | undefined;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly count: number;
  /**
   * The host's interfaces through which other hosts reach it; none: only the host itself reaches it, or no host does.
   */
  readonly interfaces: readonly string[];
  /** The firewall's chains that keep others out. */
  readonly blockedBy: readonly string[];
  /** Those of the host's ports that a program of the host has bound as well; it receives nothing there. */
  readonly conflicts: readonly number[];
  /** The text in at most a few words: `from anywhere`, `from 3 networks`. */
  readonly summary: string;
  /** A clause for people: `from eth0`, `from this host only`. */
  readonly text: string;
}

/** Use-cases of networks. Failures: not-found, conflict, invalid, and what the layers below throw. */
export interface Networks {
  /**
   * Creates a network. Throws "conflict" for a name in use or an overlapping subnet, "invalid", "not-found" with
   * details.driver.
   */
  create(spec: NetworkSpec): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  /** Lists networks. Throws "invalid" for an unknown filter. */
  list(options?: {
    readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  }): Promise<readonly NetworkDetails[]>;
  /** Describes one network. Throws "not-found" with details.network. */
  inspect(reference: NetworkReference): Promise<NetworkDetails>;
  /** "conflict" while a running container is in it; "not-permitted" for those that are always there. */
  remove(reference: NetworkReference): Promise<void>;
  /** Removes those that no container is in; returns their names. */
  prune(options?: {
    readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  }): Promise<readonly string[]>;
  /** A running container has the interface when this returns; others get it when they start. */
  connect(
    reference: NetworkReference,
    container: ContainerReference,
    settings?: EndpointSettings,
  ): Promise<void>;
  /** Takes a container out of a network. Throws "not-found"; "not-permitted" if it is not in it. */
  disconnect(
    reference: NetworkReference,
    container: ContainerReference,
    options?: { readonly force?: boolean | undefined },
  ): Promise<void>;
  /** Of all published ports of running containers, by the host's addresses and firewall as they are now. */
  reach(): Promise<readonly PublishedReach[]>;
}
