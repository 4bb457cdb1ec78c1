import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import type { IpAddress, IpPrefix } from "../spec/ip-address.ts";
import type { PublishPolicy } from "../spec/publish-policy.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "./types.ts";
import type { EndpointId, NetworkId } from "../model/ids.ts";

/** A change or a fault of the host that matters to its administrator. One sentence. */
export type NetworkNote = string;

export interface NetworksOptions {
  /** The names of the engine's kernel objects contain a hash of this real path. */
  readonly dataRoot: string;
  readonly policy?: PublishPolicy | undefined;
  readonly onNote?: ((note: NetworkNote) => void) | undefined;
}

/** A difference between the kernel's state and the records. */
export interface NetworkFinding {
  readonly subject: string;
  readonly problem: string;
  readonly advice: string;
}

export interface FindingsOptions {
  /** The network namespace of an endpoint, closed by the caller; undefined: its own end is not checked. */
  readonly openNetns?: ((id: EndpointId) => OwnedFd | undefined) | undefined;
}

/** All that there should be: what reconcile() makes true and findings() compares with. */
export interface NetworkRecords {
  readonly networks: readonly NetworkPlan[];
  /** Of running containers only. */
  readonly endpoints: readonly EndpointPlan[];
}

/**
 * The host's side of containers' networks: links, addresses, routes, one firewall table. It acts in this process's
 * network namespace and changes nothing before the first ensure() or reconcile(). It keeps the requested state in
 * memory, so that attach() and detach() need IDs only; it reads nothing from the disk. Calls may overlap: they are
 * serialized internally.
 */
export interface Networks extends AsyncDisposable {
  /**
   * Makes the host's side of a network, or completes it: link, addresses, sysctls, firewall. Idempotent. Rolled back by
   * itself on failure. Throws "unsupported" when the kernel lacks something, "conflict" when the interface's name is
   * taken by a link that is no bridge, or when a bridge would have to be made of a subnet that the host has elsewhere
   * (details.interface, details.subnet), "not-found" when the parent of a network of macvlan or ipvlan is not there.
   */
  ensure(plan: NetworkPlan): Promise<void>;
  /**
   * Takes it away, by its plan, whether or not it was ensured in this process. Fine when absent. No endpoint may be
   * left.
   */
  remove(plan: NetworkPlan): Promise<void>;
  /**
   * Gives a network namespace its end, addresses, routes, and publishes its ports. The network must have been ensured.
   * `lo` is brought up as well. On failure nothing is left, in the namespace either. The descriptor is used during the
   * call only. Throws "conflict" naming the port when a published one is taken by another endpoint, or by a program of
   * the host.
   */
  attach(endpoint: EndpointPlan, options: { readonly netnsFd: Fd }): Promise<AttachedEndpoint>;
  /**
   * The container has ended: ports, firewall elements and tracked connections go, and no frame reaches it by its bridge
   * any longer. Its link goes with its namespace, or a second later where that is kept: see linkGone(). A child
   * link answers until then. Fine when absent.
   */
  detach(id: EndpointId): Promise<void>;
  /**
   * Resolves when the link of a detached endpoint is gone, a second later at most: its addresses can be used again.
   * Fine when absent.
   */
  linkGone(id: EndpointId): Promise<void>;
  /** As linkGone(), without waiting for the kernel: the link is removed by its name, which takes 20 to 50 ms. */
  expelLink(id: EndpointId): Promise<void>;
  /** Out of a namespace that lives on: as detach(), and its interface is deleted. Fine when absent. */
  disconnect(endpoint: EndpointPlan, options: { readonly netnsFd: Fd }): Promise<void>;
  /** Whether this host has IPv6, from which ports can be relayed. */
  canRelay(): boolean;
  /** Throws "unsupported" where this kernel can publish no ports. */
  checkPublishing(): void;
  /** Replaces the ports of a live endpoint; those in both lists are not interrupted. All or nothing. */
  setPorts(id: EndpointId, ports: readonly PublishedPorts[]): Promise<void>;
  /**
   * Replaces the routes through the endpoint in a living namespace: another network has become its default, or none.
   */
  setDefaultGateways(
    endpoint: EndpointPlan,
    options: { readonly netnsFd: Fd; readonly gateways: readonly IpAddress[] },
  ): Promise<void>;
  /** `lo` up in a namespace that gets no endpoint (network `none`). */
  bringUpLoopback(options: { readonly netnsFd: Fd }): void;
  /**
   * After a start of the engine: makes the kernel match the records exactly. Removes stray links, elements and bridges
   * of this data root, and creates missing ones. A port that a program of the host has taken meanwhile becomes a
   * finding. Without networks and kernel objects it does nothing, whatever the kernel lacks. Returns the networks that
   * could not be created; onNote has received the reasons.
   */
  reconcile(records: NetworkRecords): Promise<readonly NetworkId[]>;
  /**
   * An engine stops without containers: bridges, parents and the firewall's table of this data root go. ensure() and
   * reconcile() make them again.
   */
  removeAll(): Promise<void>;
  /** For `system check`: compares the kernel's state with the requested state. Changes nothing. */
  findings(options?: FindingsOptions): Promise<readonly NetworkFinding[]>;
  /**
   * The chains of other software that block a bridge network's containers. The network may not exist yet, and will
   * enable forwarding.
   */
  obstaclesOf(plan: NetworkPlan): Promise<readonly NetworkFinding[]>;
  /** From where each of these can be reached, by the host's addresses and firewall as they are now. */
  reachOf(
    ports: readonly PublishedPorts[],
    options: { readonly networkId: NetworkId },
  ): Promise<readonly PortReach[]>;
  /** A port of these that a program of the host has bound. Sockets that hold published ports are no program's. */
  findPortHolder(ports: PublishedPorts): { readonly port: number } | undefined;
  /** Takes effect at once, for ports published already too. */
  setPolicy(policy: PublishPolicy): Promise<void>;
  readonly policy: PublishPolicy;
}

export interface AttachedEndpoint {
  /** The host's end of the pair; undefined for macvlan and ipvlan, and past a bridge. */
  readonly hostInterface?: string | undefined;
}

/** The information on one published port for `ps`, `port` and `run`. */
export interface PortReach {
  readonly ports: PublishedPorts;
  /** Only from this host. */
  readonly local: boolean;
  /** The host's interfaces behind which others can reach it; empty when none can. */
  readonly interfaces: readonly string[];
  /** Chains that keep others out: `inet filter input (policy drop)`. */
  readonly blockedBy: readonly string[];
  /** Its ports that a program of the host has bound as well; it receives nothing there. */
  readonly conflicts: readonly number[];
  /** At most a few words: `from anywhere`, `from 3 networks`. */
  readonly summary: string;
  /** One clause: `from this host only`, `from eth0`, `blocked by inet filter input`. */
  readonly text: string;
}

/** Facts of the host, for planning and checks before anything is changed. */
export interface HostNetwork {
  /** Subnets that the host has routes to, default routes left out. */
  readonly routes: readonly { readonly prefix: IpPrefix; readonly interfaceName: string }[];
  readonly addresses: readonly {
    readonly prefix: IpPrefix;
    readonly address: IpAddress;
    readonly interfaceName: string;
  }[];
  readonly interfaces: readonly string[];
  /** Whether this kernel can lead packets past a bridge. */
  readonly bypass: boolean;
  /** Whether this kernel can have packets of TCP beyond 65536 bytes. */
  readonly largeTcp: { readonly ipv4: boolean; readonly ipv6: boolean };
}
