/** The kernel's side of networks without a kernel: what was made is remembered. */
import { Failure } from "../../../src/base/failure.ts";
import type { NetworkPart } from "../../../src/engine/dependencies.ts";
import type { HostNetwork, NetworkRecords } from "../../../src/network/networks.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "../../../src/network/types.ts";
import { parseIpAddress, parseIpPrefix } from "../../../src/spec/ip-address.ts";

/** Outlives an engine, as the kernel does. */
export class FakeNetworks {
  readonly networks: Map<string, NetworkPlan> = new Map();
  readonly endpoints: Map<string, EndpointPlan> = new Map();
  /** Ports on which a program of the host's listens. */
  readonly hostPorts: Set<number> = new Set();
  readonly routes: string[] = ["192.168.7.0/24"];
  /** Thrown by the next call of that name. */
  readonly failures: Map<"ensure" | "attach" | "setPorts" | "detach" | "disconnect", Failure> = new Map();
  readonly calls: string[] = [];
  /** Endpoints whose links are not gone until these resolve. */
  readonly linkGates: Map<string, Promise<void>> = new Map();
  readonly expelled: string[] = [];
  /** Resolves before an endpoint is there. */
  attachGate: Promise<void> = Promise.resolve();
  reconciled: NetworkRecords | undefined;

  part(): NetworkPart {
    const step = async (name: "ensure" | "attach" | "setPorts" | "detach" | "disconnect"): Promise<void> => {
      await Promise.resolve();
      this.calls.push(name);
      const failure = this.failures.get(name);
      this.failures.delete(name);
      if (failure !== undefined) throw failure;
    };
    return {
      policy: "docker",
      ensure: async (plan) => {
        await step("ensure");
        this.networks.set(plan.id, plan);
      },
      remove: async (plan) => void this.networks.delete(plan.id),
      attach: async (plan) => {
        await this.attachGate;
        await step("attach");
        if (!this.networks.has(plan.networkId)) throw new Failure("internal", "it was not ensured");
        this.endpoints.set(plan.id, plan);
        return { hostInterface: "tv-fake" };
      },
      detach: async (id) => {
        await step("detach");
        this.endpoints.delete(id);
      },
      linkGone: async (id) => await this.linkGates.get(id),
      expelLink: async (id) => void this.expelled.push(id),
      disconnect: async ({ id }) => {
        await step("disconnect");
        this.endpoints.delete(id);
      },
      canRelay: () => false,
      checkPublishing: () => undefined,
      setPorts: async (id, ports) => {
        await step("setPorts");
        const plan = this.endpoints.get(id);
        if (plan === undefined) throw new Failure("not-found", "no such endpoint");
        this.endpoints.set(id, { ...plan, ports });
      },
      setDefaultGateways: async ({ id }, { gateways }) => {
        const plan = this.endpoints.get(id);
        if (plan !== undefined) this.endpoints.set(id, { ...plan, defaultGateways: gateways });
      },
      bringUpLoopback: () => {},
      reconcile: async (records) => {
        this.reconciled = records;
        this.networks.clear();
        this.endpoints.clear();
        for (const plan of records.networks) this.networks.set(plan.id, plan);
        for (const plan of records.endpoints) this.endpoints.set(plan.id, plan);
        return [];
      },
      removeAll: async () => this.networks.clear(),
      findings: async () => [],
      obstaclesOf: async () => [],
      reachOf: async () => [],
      setPolicy: async () => {},
      readHost: () => this.#host(),
      findPortHolder: (ports) => this.#holder(ports),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #host(): HostNetwork {
    return {
      routes: this.routes.map((text) => ({ prefix: parseIpPrefix(text), interfaceName: "eth0" })),
      addresses: this.routes.map((text) => {
        const prefix = parseIpPrefix(text);
        return { prefix, address: parseIpAddress("192.168.7.2"), interfaceName: "eth0" };
      }),
      interfaces: ["lo", "eth0"],
      bypass: true,
      largeTcp: { ipv4: true, ipv6: true },
    };
  }

  #holder({ hostPort, count }: PublishedPorts): { readonly port: number } | undefined {
    for (let port = hostPort; port < hostPort + count; port++) if (this.hostPorts.has(port)) return { port };
    return undefined;
  }
}
