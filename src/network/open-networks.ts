import type { PublishPolicy } from "../spec/publish-policy.ts";
import { Failure, sentenceOf } from "../base/failure.ts";
import type { Fd } from "../linux/kernel/fd.ts";
import { findLink, removeLink } from "../linux/netlink/links.ts";
import { hasNfTables } from "../linux/nftables/support.ts";
import { attachToBridge, detachFromBridge, ensureBridge, removeBridge } from "./bridge/bridge-driver.ts";
import type { Wanted } from "./bridge/bridge-watch.ts";
import { removeStrayLinks } from "./bridge/own-links.ts";
import { removeContainerSide } from "./container-side.ts";
import { EndpointNetworks } from "./endpoint-networks.ts";
import { endpointElements } from "./firewall/elements.ts";
import { type FirewallTable, isOfAnEngine } from "./firewall/firewall-table.ts";
import { allElements, networkChange } from "./firewall/wanted-elements.ts";
import { lockHostNetworks } from "./host-lock.ts";
import type { HostSide } from "./host-side.ts";
import { ownNamesOf, type OwnNames } from "./interface-names.ts";
import { findFaults } from "./find-faults.ts";
import { findForwardingFaults } from "./find-forwarding-faults.ts";
import { makeNetworks } from "./make-networks.ts";
import { attachInTime } from "./child-links/attach-in-time.ts";
import { attachChildLink, ensureParent, removeParent } from "./child-links/child-link-driver.ts";
import { adoptChildLinks } from "./child-links/own-child-links.ts";
import { findPortClash, refuseTakenPorts } from "./port-clash.ts";
import { forgetFlowsFrom, forgetFlowsTo } from "./old-flows.ts";
import { OpenedHost } from "./opened-host.ts";
import { readForwarding } from "./read-forwarding.ts";
import { readKernelState } from "./read-kernel-state.ts";
import { findPortHolder, hasIpv6 } from "./read-host.ts";
import { describeReach } from "./policy/describe-reach.ts";
import { evaluateReach } from "./policy/survey-host.ts";
import type {
  AttachedEndpoint,
  FindingsOptions,
  NetworkFinding,
  NetworkRecords,
  Networks,
  NetworksOptions,
  PortReach,
} from "./networks.ts";
import { SurveyCache } from "./survey-cache.ts";
import { UnfilteredNetworks } from "./unfiltered-networks.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "./types.ts";
import type { EndpointId, NetworkId } from "../model/ids.ts";

/** Changes nothing yet: sockets are opened, and the firewall's table is made, for the first network. */
export function openNetworks(options: NetworksOptions): Networks {
  return hasNfTables() ? new LocalNetworks(options) : new UnfilteredNetworks(options);
}

/** The longest time that the firewall and a bridge may lack an element that another program removed. */
const LOOK_EVERY_MS = 250;
/** The same while there is no endpoint, so that an idle daemon sleeps: a start looks before its change. */
const IDLE_LOOK_EVERY_MS = 4000;

class LocalNetworks extends EndpointNetworks implements Networks {
  readonly #names: OwnNames;
  readonly #note: (sentence: string) => void;
  readonly #wanted: Wanted = { plans: this.plans, endpoints: this.endpoints };
  readonly #surveys = new SurveyCache(() => this.#open());
  #opened: OpenedHost | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lookEveryMs = 0;
  #policy: PublishPolicy;
  /** Whether copies may be there: an engine before this one may have made some. */
  #hasRuleCopies = true;

  constructor({ dataRoot, policy = "docker", onNote = () => undefined }: NetworksOptions) {
    super();
    this.#names = ownNamesOf(dataRoot);
    this.#note = onNote;
    this.#policy = policy;
  }

  get policy(): PublishPolicy {
    return this.#policy;
  }

  protected get host(): HostSide | undefined {
    return this.#opened?.host;
  }

  async ensure(plan: NetworkPlan): Promise<void> {
    using _ = await this.lock.acquire("");
    const { host, firewall, watch } = this.#open();
    if (plan.driver !== "bridge") ensureParent(host, plan);
    else {
      using _host = await lockHostNetworks();
      // The firewall first: no packet passes a bridge without its elements.
      firewall.change(networkChange(this.plans, plan.id, plan));
      try {
        ensureBridge(host, plan);
      } catch (thrown) {
        const known = this.plans.get(plan.id);
        firewall.change(networkChange(this.plans, plan.id, known));
        throw thrown;
      }
    }
    this.plans.set(plan.id, plan);
    watch.follow(plan);
  }

  async remove(plan: NetworkPlan): Promise<void> {
    using _ = await this.lock.acquire("");
    const { host, firewall, bypass, watch } = this.#open();
    watch.forget(plan.id);
    if (plan.driver !== "bridge") removeParent(host, plan, [...this.plans.values()]);
    else {
      bypass.remove(plan);
      removeBridge(host, plan);
      if (firewall.isMade) firewall.change(networkChange(this.plans, plan.id, undefined));
    }
    this.plans.delete(plan.id);
  }

  async attach(endpoint: EndpointPlan, options: { readonly netnsFd: Fd }): Promise<AttachedEndpoint> {
    const isTaken = (): boolean => this.isAddressTaken(endpoint);
    return await attachInTime(() => this.#attach(endpoint, options), { endpoint, isTaken });
  }

  async #attach(endpoint: EndpointPlan, { netnsFd }: { readonly netnsFd: Fd }): Promise<AttachedEndpoint> {
    using _ = await this.lock.acquire("");
    const { host, firewall, bypass, netfilter, ports, relay, watch } = this.#open();
    const plan = this.getPlan(endpoint.networkId);
    refuseTakenPorts(endpoint.ports, { of: endpoint.id, endpoints: this.endpoints });
    if (plan.driver !== "bridge") {
      attachChildLink(host, { plan, endpoint, netnsFd });
      this.endpoints.set(endpoint.id, endpoint);
      this.#pace();
      return {};
    }
    watch.look(this.#wanted);
    using undo = new DisposableStack();
    undo.defer(() => ports.release(endpoint.id));
    ports.hold({ plan, endpoint });
    const parentName = bypass.ensure(plan, this.endpoints);
    const attaching = { plan, endpoint, netnsFd };
    const hostInterface = parentName === undefined ? await attachToBridge(host, attaching) : undefined;
    if (parentName !== undefined) attachChildLink(host, { ...attaching, parentName });
    try {
      if (endpoint.ports.length > 0) this.#copyRules([...this.endpoints.values(), endpoint]);
      firewall.change(new Map([[endpoint.id, endpointElements(plan, endpoint)]]));
    } catch (thrown) {
      if (hostInterface !== undefined) host.route.send([removeLink(hostInterface)]);
      else removeContainerSide(endpoint.interfaceName, { netnsFd });
      throw thrown;
    }
    this.endpoints.set(endpoint.id, endpoint);
    this.#pace();
    undo.move();
    relay.hold({ plan, endpoint });
    forgetFlowsTo(netfilter, endpoint, endpoint.ports);
    return hostInterface === undefined ? {} : { hostInterface };
  }

  canRelay(): boolean {
    return hasIpv6();
  }

  checkPublishing(): void {}

  async setPorts(id: EndpointId, ports: readonly PublishedPorts[]): Promise<void> {
    using _ = await this.lock.acquire("");
    const { firewall, netfilter, ports: sockets, relay } = this.#open();
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined)
      throw new Failure("not-found", `cannot publish ports: endpoint ${id.slice(0, 12)} is not attached`);
    refuseTakenPorts(ports, { of: id, endpoints: this.endpoints });
    const changed = { ...endpoint, ports };
    const plan = this.getPlan(endpoint.networkId);
    using undo = new DisposableStack();
    undo.defer(() => sockets.hold({ plan, endpoint }, { isRestored: true }));
    sockets.hold({ plan, endpoint: changed });
    // Evaluated before the port is open, and until it is closed.
    this.#copyRules([...this.endpoints.values(), changed]);
    firewall.change(new Map([[id, endpointElements(plan, changed)]]));
    undo.move();
    relay.hold({ plan, endpoint: changed });
    this.endpoints.set(id, changed);
    const isNew = (one: PublishedPorts): boolean => findPortClash([one], endpoint.ports) === undefined;
    forgetFlowsTo(netfilter, changed, ports.filter(isNew));
    const isGone = (one: PublishedPorts): boolean => findPortClash([one], ports) === undefined;
    forgetFlowsTo(netfilter, changed, endpoint.ports.filter(isGone));
  }

  async reconcile(records: NetworkRecords): Promise<readonly NetworkId[]> {
    using _ = await this.lock.acquire("");
    const { networks, endpoints } = records;
    this.replaceRecords(records);
    const opened = this.#findOpened();
    if (opened instanceof Failure && networks.length + endpoints.length === 0) return [];
    if (opened instanceof Failure) throw opened;
    const { host, firewall, ports, relay, watch } = opened;
    removeStrayLinks(host, this.#wanted);
    adoptChildLinks(host, this.#wanted);
    firewall.reset(allElements(this.plans, this.endpoints));
    this.#copyRules([...this.endpoints.values()]);
    if (firewall.isWanted) firewall.assert();
    else if (firewall.exists()) firewall.remove();
    const failed = await makeNetworks(opened, { plans: this.plans, endpoints: this.endpoints });
    for (const plan of this.plans.values()) watch.follow(plan);
    ports.reset(this.#wanted);
    relay.reset(this.endpoints);
    return failed;
  }

  async removeAll(): Promise<void> {
    using _ = await this.lock.acquire("");
    if (this.#opened === undefined) return;
    const { host, firewall, ruleCopy, ports, relay } = this.#opened;
    this.plans.clear();
    this.endpoints.clear();
    removeStrayLinks(host, this.#wanted);
    ports.reset(this.#wanted);
    relay.reset(this.endpoints);
    ruleCopy.remove();
    firewall.reset(new Map());
    if (firewall.exists()) firewall.remove();
  }

  async findings({ openNetns = () => undefined }: FindingsOptions = {}): Promise<readonly NetworkFinding[]> {
    using _ = await this.lock.acquire("");
    if (this.plans.size === 0 && this.#opened === undefined) return [];
    const opened = this.#findOpened();
    if (opened instanceof Failure)
      return [{ subject: "networks", problem: opened.message, advice: "get what is missing" }];
    const leaving = this.leaving.ids;
    return findFaults(
      readKernelState(opened, { names: this.#names, wanted: this.#wanted, leaving, openNetns }),
    );
  }

  async obstaclesOf(plan: NetworkPlan): Promise<readonly NetworkFinding[]> {
    if (plan.driver !== "bridge") return [];
    using _ = await this.lock.acquire("");
    try {
      const chains = this.#surveys.forwardChains();
      if (chains.length === 0) return [];
      const { route } = this.#open().host;
      // Not the list of all: each container has one.
      const link = findLink(route, plan.interfaceName);
      const links = link === undefined ? [] : [link];
      const forwarding = { ...readForwarding(route, (index) => findLink(route, index)), isOn: true };
      return findForwardingFaults({ plans: [plan], chains, links, forwarding });
    } catch (thrown) {
      if (thrown instanceof Failure) return []; // a start reports it more precisely
      throw thrown;
    }
  }

  async reachOf(
    ports: readonly PublishedPorts[],
    { networkId }: { readonly networkId: NetworkId },
  ): Promise<readonly PortReach[]> {
    using _ = await this.lock.acquire("");
    const plan = this.getPlan(networkId);
    const survey = this.#surveys.get();
    const own = new Set([...this.plans.values()].map(({ interfaceName }) => interfaceName));
    const policy = this.#policy;
    return ports.map((each) => {
      const publishes = (one: EndpointPlan): boolean =>
        one.networkId === networkId && findPortClash([each], one.ports) !== undefined;
      const endpoint = this.endpoints.values().find(publishes);
      const interfaces = evaluateReach(survey, { ports: each, plan, endpoint, policy, own });
      const conflicts = endpoint === undefined ? [] : this.#open().ports.conflictsIn(each, endpoint.id);
      return describeReach(each, { interfaces, isInternal: plan.internal, conflicts });
    });
  }

  findPortHolder(ports: PublishedPorts): { readonly port: number } | undefined {
    return findPortHolder(ports, this.#opened?.ports);
  }

  async setPolicy(policy: PublishPolicy): Promise<void> {
    using _ = await this.lock.acquire("");
    const before = this.#policy;
    this.#policy = policy;
    try {
      if (this.#opened !== undefined) this.#copyRules([...this.endpoints.values()]);
    } catch (thrown) {
      this.#policy = before;
      throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _ = await this.lock.acquire("");
    clearInterval(this.#timer);
    this.leaving[Symbol.dispose]();
    this.#opened?.[Symbol.dispose]();
    this.#opened = undefined;
  }

  #open(): OpenedHost {
    if (this.#opened === undefined) {
      this.#opened = new OpenedHost(this.#names, { plans: this.plans, note: this.#note });
      this.#pace(LOOK_EVERY_MS);
    }
    return this.#opened;
  }

  #pace(everyMs: number = this.endpoints.size === 0 ? IDLE_LOOK_EVERY_MS : LOOK_EVERY_MS): void {
    if (everyMs === this.#lookEveryMs) return;
    clearInterval(this.#timer);
    this.#lookEveryMs = everyMs;
    this.#timer = setInterval(() => void this.#look(), everyMs);
    this.#timer.unref();
  }

  /** Or the failure of a kernel that has no firewall: nothing of ours is there. */
  #findOpened(): OpenedHost | Failure {
    try {
      return this.#open();
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.kind === "unsupported") return thrown;
      throw thrown;
    }
  }

  /** Restores bridges and the firewall after another program changed them. */
  async #look(): Promise<void> {
    // The holder of the lock also checks before each change.
    using lock = this.lock.find("");
    if (lock === undefined || this.#opened === undefined) return;
    this.#pace();
    const { firewall, watch } = this.#opened;
    watch.look(this.#wanted);
    try {
      const { isTampered, by } = firewall.look();
      if (this.#policy === "respect-host" && this.#hostHasChanged(firewall)) {
        this.#copyRules([...this.endpoints.values()], { isRead: true });
      }
      this.#surveys.refresh();
      if (!isTampered) return;
      firewall.assert();
      this.#note(
        `the firewall's table ${this.#names.table} was changed${by === "" ? "" : ` by ${by}`} and has been made whole again`,
      );
    } catch (thrown) {
      this.#note(
        `the firewall's table ${this.#names.table} was changed, and cannot be made whole again: ${sentenceOf(thrown)}`,
      );
    }
  }

  #hostHasChanged(firewall: FirewallTable): boolean {
    return firewall.takeOthers().some((table) => !isOfAnEngine(table) || table.startsWith(this.#names.table));
  }

  /** Copies the host's rules in front of published ports, or not, by the policy. */
  #copyRules(
    endpoints: readonly EndpointPlan[],
    { isRead = false }: { readonly isRead?: boolean | undefined } = {},
  ): void {
    const { ruleCopy, firewall } = this.#open();
    const isChanged = this.#hostHasChanged(firewall);
    const ports = endpoints.flatMap((endpoint) => endpoint.ports);
    if (this.#policy === "respect-host" && (isRead || isChanged)) ruleCopy.refresh(ports);
    else if (this.#policy === "respect-host") ruleCopy.changePorts(ports);
    else if (this.#hasRuleCopies) ruleCopy.remove();
    if (this.#policy === "respect-host" || this.#hasRuleCopies) firewall.forgetEvents();
    this.#hasRuleCopies = this.#policy === "respect-host";
  }

  protected async cutOff(endpoint: EndpointPlan, plan: NetworkPlan | undefined): Promise<void> {
    const { host, firewall, netfilter, ports, relay } = this.#open();
    relay.release(endpoint.id);
    firewall.change(new Map([[endpoint.id, []]]));
    this.endpoints.delete(endpoint.id);
    ports.release(endpoint.id);
    if (endpoint.ports.length > 0) this.#copyRules([...this.endpoints.values()]);
    if (plan?.driver !== "bridge") return;
    await Promise.all([detachFromBridge(host, { plan, endpoint }), forgetFlowsFrom(netfilter, endpoint)]);
  }
}
