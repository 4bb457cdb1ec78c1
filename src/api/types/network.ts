import type { PortBinding } from "./host-config.ts";

export interface NetworkingConfig {
  readonly EndpointsConfig?: Readonly<Record<string, EndpointSettings | null>> | null | undefined;
}

/** A container's end in one network. What the engine assigned is empty while it does not run. */
export interface EndpointSettings {
  readonly IPAMConfig?:
    | {
        readonly IPv4Address?: string | undefined;
        readonly IPv6Address?: string | undefined;
        readonly LinkLocalIPs?: readonly string[] | null | undefined;
      }
    | null
    | undefined;
  readonly Links?: readonly string[] | null | undefined;
  readonly MacAddress?: string | undefined;
  readonly Aliases?: readonly string[] | null | undefined;
  readonly DriverOpts?: Readonly<Record<string, string>> | null | undefined;
  readonly GwPriority?: number | undefined;
  readonly NetworkID?: string | undefined;
  readonly EndpointID?: string | undefined;
  readonly Gateway?: string | undefined;
  readonly IPAddress?: string | undefined;
  readonly IPPrefixLen?: number | undefined;
  readonly IPv6Gateway?: string | undefined;
  readonly GlobalIPv6Address?: string | undefined;
  readonly GlobalIPv6PrefixLen?: number | undefined;
  readonly DNSNames?: readonly string[] | null | undefined;
}

/** A container's networks as inspect reports them. The single-network fields are the default bridge's (before 1.52). */
export interface NetworkSettings {
  readonly Bridge?: string | undefined;
  readonly SandboxID: string;
  readonly SandboxKey: string;
  readonly HairpinMode?: boolean | undefined;
  readonly LinkLocalIPv6Address?: string | undefined;
  readonly LinkLocalIPv6PrefixLen?: number | undefined;
  readonly Ports: Readonly<Record<string, readonly PortBinding[] | null>>;
  readonly SecondaryIPAddresses?: null | undefined;
  readonly SecondaryIPv6Addresses?: null | undefined;
  readonly EndpointID?: string | undefined;
  readonly Gateway?: string | undefined;
  readonly GlobalIPv6Address?: string | undefined;
  readonly GlobalIPv6PrefixLen?: number | undefined;
  readonly IPAddress?: string | undefined;
  readonly IPPrefixLen?: number | undefined;
  readonly IPv6Gateway?: string | undefined;
  readonly MacAddress?: string | undefined;
  readonly Networks: Readonly<Record<string, EndpointSettings>>;
}

/** The body of `POST /networks/create`. */
export interface NetworkCreateRequest {
  readonly Name?: string | undefined;
  readonly CheckDuplicate?: boolean | undefined;
  readonly Driver?: string | undefined;
  readonly Scope?: string | undefined;
  readonly Internal?: boolean | undefined;
  readonly Attachable?: boolean | undefined;
  readonly Ingress?: boolean | undefined;
  readonly ConfigOnly?: boolean | undefined;
  readonly ConfigFrom?: { readonly Network?: string | undefined } | null | undefined;
  readonly IPAM?:
    | {
        readonly Driver?: string | undefined;
        readonly Options?: Readonly<Record<string, string>> | null | undefined;
        readonly Config?: readonly IpamConfig[] | null | undefined;
      }
    | null
    | undefined;
  readonly EnableIPv4?: boolean | null | undefined;
  readonly EnableIPv6?: boolean | null | undefined;
  readonly Options?: Readonly<Record<string, string>> | null | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
}

export interface IpamConfig {
  readonly Subnet?: string | undefined;
  readonly IPRange?: string | undefined;
  readonly Gateway?: string | undefined;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>> | null | undefined;
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
  readonly EnableIPv4?: boolean | undefined;
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
  /** Of one network, since 1.52: counts of addresses by subnet. */
  readonly Status?:
    | {
        readonly IPAM: {
          readonly Subnets: Readonly<
            Record<string, { readonly IPsInUse: number; readonly DynamicIPsAvailable: number }>
          >;
        };
      }
    | undefined;
}
