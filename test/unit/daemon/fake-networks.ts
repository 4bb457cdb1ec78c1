import { Failure } from "../../../src/base/failure.ts";
import type {
  EndpointSettings,
  NetworkDetails,
  Networks,
  NetworkSpec,
  PublishedReach,
} from "../../../src/model/networks.ts";

const nothing = {
  createdAt: Date.parse("2026-01-02T03:04:05Z"),
  ipv4: true,
  ipv6: false,
  internal: false,
  attachable: false,
  configOnly: false,
  configFrom: "",
  ipam: { driver: "default", options: {}, subnets: [{ subnet: "172.17.0.0/16", gateway: "172.17.0.1" }] },
  options: {},
  labels: {},
  containers: {},
};

/** Networks in memory, as far as clients see them. */
export class FakeNetworks implements Networks {
  readonly known: NetworkDetails[] = [
    { ...nothing, id: "1".repeat(64), name: "bridge", driver: "bridge" },
    { ...nothing, id: "68".padEnd(64, "0"), name: "host", driver: "host" },
    { ...nothing, id: "6e".padEnd(64, "0"), name: "none", driver: "null" },
  ];
  readonly specs: NetworkSpec[] = [];
  readonly reachable: PublishedReach[] = [];
  readonly connections: {
    network: string;
    container: string;
    settings?: EndpointSettings;
    force?: boolean;
  }[] = [];

  async reach(): Promise<readonly PublishedReach[]> {
    return this.reachable;
  }

  async create(spec: NetworkSpec): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    this.specs.push(spec);
    const id = String(this.known.length).repeat(64).slice(0, 64);
    this.known.push({
      ...nothing,
      id,
      name: spec.name,
      driver: spec.driver ?? "bridge",
      labels: spec.labels ?? {},
    });
    return { id, warnings: spec.ipv6 === true ? ["a warning"] : [] };
  }

  async list({
    filters = {},
  }: {
    readonly filters?: Readonly<Record<string, readonly string[]>>;
  } = {}): Promise<readonly NetworkDetails[]> {
    const { name = [] } = filters;
    return this.known.filter((network) => name.length === 0 || name.includes(network.name));
  }

  async inspect(reference: string): Promise<NetworkDetails> {
    const found = this.known.find(({ name, id }) => name === reference || id.startsWith(reference));
    if (found !== undefined) return found;
    throw new Failure("not-found", `cannot find network "${reference}"`, { details: { network: reference } });
  }

  async remove(reference: string): Promise<void> {
    const { id, name, driver } = await this.inspect(reference);
    if (driver === "host" || name === "bridge") {
      throw new Failure("not-permitted", "no", { details: { network: name } });
    }
    this.known.splice(
      this.known.findIndex((network) => network.id === id),
      1,
    );
  }

  async prune(): Promise<readonly string[]> {
    return this.known.splice(3).map(({ name }) => name);
  }

  async connect(network: string, container: string, settings: EndpointSettings = {}): Promise<void> {
    this.connections.push({ network, container, settings });
  }

  async disconnect(
    network: string,
    container: string,
    { force = false }: { readonly force?: boolean } = {},
  ): Promise<void> {
    this.connections.push({ network, container, force });
  }
}
