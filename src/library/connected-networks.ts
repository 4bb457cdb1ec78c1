import type { Client } from "../client/client.ts";
import { formatSettings } from "../api/network/endpoint-settings.ts";
import type { ContainerReference, NetworkReference } from "../model/ids.ts";
import type {
  EndpointSettings,
  NetworkDetails,
  NetworkSpec,
  Networks,
  PublishedReach,
} from "../model/networks.ts";
import { networkDetailsOf, publishedReachOf } from "./network-reply.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** The networks of an engine behind a socket. In a list they are without their containers. */
export class ConnectedNetworks implements Networks {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async create(spec: NetworkSpec): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    const { subnets = [], ipamDriver, ipamOptions } = spec;
    const { Id, Warning } = await this.#client.networks.create({
      Name: spec.name,
      Driver: spec.driver,
      Scope: spec.scope,
      EnableIPv4: spec.ipv4,
      EnableIPv6: spec.ipv6,
      Internal: spec.internal,
      Attachable: spec.attachable,
      ConfigOnly: spec.configOnly,
      ConfigFrom: spec.configFrom === undefined ? undefined : { Network: spec.configFrom },
      Options: spec.options,
      Labels: spec.labels,
      IPAM: {
        Driver: ipamDriver,
        Options: ipamOptions,
        Config: subnets.map(({ subnet, range, gateway, auxiliary }) => ({
          Subnet: subnet,
          IPRange: range,
          Gateway: gateway,
          AuxiliaryAddresses: auxiliary,
        })),
      },
    });
    return { id: Id, warnings: Warning === "" ? [] : Warning.split("\n") };
  }

  async list({
    filters,
  }: {
    readonly filters?: Filters | undefined;
  } = {}): Promise<readonly NetworkDetails[]> {
    return (await this.#client.networks.list(filters)).map(networkDetailsOf);
  }

  async inspect(reference: NetworkReference): Promise<NetworkDetails> {
    return networkDetailsOf(await this.#client.networks.inspect(reference));
  }

  async reach(): Promise<readonly PublishedReach[]> {
    return (await this.#client.system.reach()).map(publishedReachOf);
  }

  remove(reference: NetworkReference): Promise<void> {
    return this.#client.networks.remove(reference);
  }

  async prune({ filters }: { readonly filters?: Filters | undefined } = {}): Promise<readonly string[]> {
    return (await this.#client.networks.prune(filters)).NetworksDeleted ?? [];
  }

  connect(
    network: NetworkReference,
    container: ContainerReference,
    settings: EndpointSettings = {},
  ): Promise<void> {
    return this.#client.networks.connect(network, container, formatSettings(settings));
  }

  disconnect(
    network: NetworkReference,
    container: ContainerReference,
    options: { readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    return this.#client.networks.disconnect(network, container, options);
  }
}
