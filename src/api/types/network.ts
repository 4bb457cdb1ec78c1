import type { PortBinding } from "./host-config.ts";

export interface NetworkingConfig {
  readonly EndpointsConfig?: Readonly<Record<string, EndpointSettings | null>> | null;
}

/** A container's end in one network. What the engine assigned is empty while it does not run. */
export interface EndpointSettings {
  readonly IPAMConfig?: {
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: readonly string[] | null;
  } | null;
  readonly Links?: readonly string[] | null;
  readonly MacAddress?: string;
  readonly Aliases?: readonly string[] | null;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
  readonly GwPriority?: number;
  readonly NetworkID?: string;
  readonly EndpointID?: string;
  readonly Gateway?: string;
  readonly IPAddress?: string;
  readonly IPPrefixLen?: number;
  readonly IPv6Gateway?: string;
  readonly GlobalIPv6Address?: string;
  readonly GlobalIPv6PrefixLen?: number;
  readonly DNSNames?: readonly string[] | null;
}

/** A container's networks as inspect tells them. The single-network fields are the default bridge's (before 1.52). */
export interface NetworkSettings {
  readonly Bridge: string;
  readonly SandboxID: string;
  readonly SandboxKey: string;
  readonly HairpinMode: boolean;
  readonly LinkLocalIPv6Address: string;
  readonly LinkLocalIPv6PrefixLen: number;
  readonly Ports: Readonly<Record<string, readonly PortBinding[] | null>>;
  readonly SecondaryIPAddresses: null;
  readonly SecondaryIPv6Addresses: null;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly MacAddress: string;
  readonly Networks: Readonly<Record<string, EndpointSettings>>;
}

/** The body of `POST /networks/create`. */
export interface NetworkCreateRequest {
  readonly Name?: string;
  readonly CheckDuplicate?: boolean;
  readonly Driver?: string;
  readonly Scope?: string;
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly Ingress?: boolean;
  readonly ConfigOnly?: boolean;
  readonly ConfigFrom?: { readonly Network?: string } | null;
  readonly IPAM?: {
    readonly Driver?: string;
    readonly Options?: Readonly<Record<string, string>> | null;
    readonly Config?: readonly IpamConfig[] | null;
  } | null;
  readonly EnableIPv4?: boolean | null;
  readonly EnableIPv6?: boolean | null;
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

export interface IpamConfig {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>> | null;
}

export interface NetworkCreateResponse {
  readonly Id: string;
  readonly Warning: string;
}

export interface NetworkPruneResponse {
  readonly NetworksDeleted: readonly string[] | null;
}

export interface Network {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: string;
  readonly Driver: string;
  /** Since 1.48. */
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: Readonly<Record<string, string>> | null;
    readonly Config: readonly IpamConfig[] | null;
  };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: string };
  readonly ConfigOnly: boolean;
  readonly Containers: Readonly<
    Record<
      string,
      {
        readonly Name: string;
        readonly EndpointID: string;
        readonly MacAddress: string;
        readonly IPv4Address: string;
        readonly IPv6Address: string;
      }
    >
  >;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
}
