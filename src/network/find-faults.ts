import type { HostAddress, HostRoute } from "../linux/netlink/addresses.ts";
import type { Link } from "../linux/netlink/links.ts";
import { findBridgeFaults } from "./bridge/bridge-faults.ts";
import type { BridgeWatch } from "./bridge/bridge-watch.ts";
import { MOST_RESTORES } from "./bridge/restore-limit.ts";
import { type BridgeBypass, isRightPort } from "./bridge/bridge-bypass.ts";
import { correctGsoSizes, wantedGsoSizes } from "./bridge/correct-gso-sizes.ts";
import type { FirewallTable } from "./firewall/firewall-table.ts";
import { findForwardingFaults, type Forwarding, forwardChainsOf } from "./find-forwarding-faults.ts";
import { bridgeAliasOf, bypassNamesOf, vethNameOf, type OwnNames } from "./interface-names.ts";
import type { NetworkFinding } from "./networks.ts";
import type { PortConflict } from "./ports/held-ports.ts";
import type { HostSurvey } from "./policy/survey-host.ts";
import type { EndpointPlan, NetworkPlan } from "./types.ts";
import type { EndpointId } from "../model/ids.ts";

export interface KernelState {
  readonly names: OwnNames;
  readonly plans: readonly NetworkPlan[];
  readonly endpoints: readonly EndpointPlan[];
  /** The containers' ends of the links, if they can be read; undefined: the link does not exist. */
  readonly ownEnds: ReadonlyMap<EndpointId, Link | undefined>;
  readonly survey: HostSurvey;
  /** Of all interfaces of the host. */
  readonly addresses: readonly HostAddress[];
  readonly routes: readonly HostRoute[];
  readonly watch: Pick<BridgeWatch, "isLeft">;
  readonly portConflicts: readonly PortConflict[];
  readonly firewall: FirewallTable;
  /** Of containers that have ended: interfaces that the kernel is taking away. */
  readonly leaving: ReadonlySet<EndpointId>;
  /** Rules of the host that could not be copied. */
  readonly closed: readonly string[];
  readonly forwarding: Forwarding;
  readonly bypass: Pick<BridgeBypass, "isUnable">;
}

/** The differences between the kernel's state and the requested one, and rules of other software that block traffic. */
export function findFaults(state: KernelState): readonly NetworkFinding[] {
  return [
    ...linkFaults(state),
    ...ownEndFaults(state),
    ...firewallFaults(state),
    ...portFaults(state),
    ...findForwardingFaults({ ...state, links: state.survey.links, chains: forwardChainsOf(state.survey) }),
  ];
}

function finding(subject: string, problem: string, advice: string): NetworkFinding {
  return { subject, problem, advice };
}

function linkFaults(state: KernelState): readonly NetworkFinding[] {
  const { names, plans, endpoints, ownEnds, survey, leaving } = state;
  const links = new Map(survey.links.map((link) => [link.name, link]));
  const known = new Set([
    ...plans.flatMap(({ id, interfaceName }) => [interfaceName, ...Object.values(bypassNamesOf(id))]),
    ...[...endpoints.map(({ id }) => id), ...leaving].map((id) => vethNameOf(names, id)),
  ]);
  return [
    ...plans.flatMap((plan) => interfaceFaults(state, { plan, link: links.get(plan.interfaceName) })),
    ...plans.flatMap((plan) => {
      const link = links.get(plan.interfaceName);
      const isOurs = link?.alias === bridgeAliasOf(names, plan.id);
      // KERNEL: a bridge without ports can't have large packets.
      const hasPorts = endpoints.some(({ networkId }) => networkId === plan.id);
      return isOurs && hasPorts ? sizeFaults(`network ${plan.name}`, plan, link) : [];
    }),
    ...plans.flatMap((plan) => bypassFaults(state, { plan, links })),
    ...endpoints.flatMap(({ id, networkId }) => {
      const plan = plans.find((each) => each.id === networkId);
      const link = links.get(vethNameOf(names, id));
      const bridge = plan === undefined ? undefined : links.get(plan.interfaceName);
      if (plan?.driver !== "bridge" || bridge === undefined) return [];
      const subject = `endpoint ${id.slice(0, 12)} of the network ${plan.name}`;
      const isPast = links.has(bypassNamesOf(plan.id).sink);
      const isLost = isPast ? ownEnds.has(id) && ownEnds.get(id) === undefined : link === undefined;
      if (isLost) return [finding(subject, "has lost its interface", "restart its container")];
      if (link === undefined) return [];
      const isOn = link.master === bridge.index;
      if (isOn && link.isUp) return sizeFaults(subject, plan, link);
      const problem = isOn ? "is down" : "is not on its bridge";
      return [finding(subject, `its interface ${link.name} ${problem}`, adviceFor(state, plan))];
    }),
    ...survey.links
      .filter(({ name, alias }) => alias.startsWith(names.aliasPrefix) || name.startsWith(names.vethPrefix))
      .filter(({ name }) => !known.has(name))
      .map(({ name }) =>
        finding(
          `interface ${name}`,
          "belongs to no network",
          `restart the engine, or remove it: ip link delete ${name}`,
        ),
      ),
  ];
}

/** The network's own interface: its state, addresses and routes. */
function interfaceFaults(
  state: KernelState,
  { plan, link }: { readonly plan: NetworkPlan; readonly link: Link | undefined },
): readonly NetworkFinding[] {
  const { endpoints, addresses, routes } = state;
  const subject = `network ${plan.name}`;
  if (plan.driver !== "bridge") {
    const gone = `its interface ${plan.interfaceName} is gone`;
    return link === undefined ? [finding(subject, gone, "restart the engine")] : [];
  }
  const hasPorts = endpoints.some(({ networkId }) => networkId === plan.id);
  return findBridgeFaults(plan, { link, addresses, routes, hasPorts }).map((problem) =>
    finding(subject, problem, adviceFor(state, plan)),
  );
}

function adviceFor({ watch }: KernelState, { id }: NetworkPlan): string {
  return watch.isLeft(id)
    ? `stop the program that changes it again and again: the engine restores it ${MOST_RESTORES} times a minute at most`
    : "wait a second, or restart the engine: it restores the bridge";
}

/** The way past a bridge is there, and whole; or it is not, as the plan has it. */
function bypassFaults(
  { endpoints, bypass }: KernelState,
  { plan, links }: { readonly plan: NetworkPlan; readonly links: ReadonlyMap<string, Link> },
): readonly NetworkFinding[] {
  const subject = `network ${plan.name}`;
  const names = bypassNamesOf(plan.id);
  const [bridge, sink, port] = [plan.interfaceName, names.sink, names.port].map((name) => links.get(name));
  if (plan.driver !== "bridge" || bridge === undefined || bypass.isUnable(plan.id)) return [];
  if (sink === undefined && plan.bypassesBridge !== true) return [];
  const isUsed = endpoints.some(({ networkId }) => networkId === plan.id);
  if ((sink !== undefined) !== (plan.bypassesBridge === true)) {
    const problem = sink === undefined ? "does not bypass its bridge" : "still bypasses its bridge";
    const advice = isUsed ? "stop all of its containers, then start them" : "restart the engine";
    return [finding(subject, problem, advice)];
  }
  if (port === undefined || !isRightPort(port, bridge) || !port.isUp || sink?.isUp !== true) {
    return [
      finding(subject, `its containers do not reach its bridge by ${names.port}`, "restart the engine"),
    ];
  }
  return sizeFaults(subject, plan, port);
}

/** The settings of a running container's interfaces are not checked: they belong to its own network namespace. */
function ownEndFaults({ plans, endpoints, ownEnds }: KernelState): readonly NetworkFinding[] {
  return endpoints.flatMap(({ id, networkId }) => {
    const plan = plans.find((each) => each.id === networkId);
    const link = ownEnds.get(id);
    if (plan?.driver !== "bridge" || link === undefined) return [];
    const subject = `endpoint ${id.slice(0, 12)} of the network ${plan.name}`;
    return sizeFaults(subject, plan, link).map(({ problem }) =>
      finding(subject, `in the container ${problem}`, "restart its container"),
    );
  });
}

function sizeFaults(subject: string, plan: NetworkPlan, link: Link): readonly NetworkFinding[] {
  if (correctGsoSizes(plan, link).length === 0) return [];
  const wanted = wantedGsoSizes(plan, link);
  const wrong = (["ipv4", "ipv6"] as const)
    .filter((family) => wanted[family] !== link.gsoSizes[family])
    .map(
      (family) => `${link.gsoSizes[family]} in place of ${wanted[family]} for ${family.replace("ip", "IP")}`,
    );
  return [
    finding(
      subject,
      `its interface ${link.name} has a gso_max_size of ${wrong.join(", ")}`,
      "restart the engine",
    ),
  ];
}

function portFaults({ portConflicts, endpoints }: KernelState): readonly NetworkFinding[] {
  return portConflicts.map(({ endpointId, protocol, port }) => {
    const owner = endpoints.find(({ id }) => id === endpointId)?.containerId ?? endpointId;
    return finding(
      `published port ${port}/${protocol} of container ${owner.slice(0, 12)}`,
      "a program on the host has bound it as well, and receives nothing",
      "stop that program, or publish another port",
    );
  });
}

function firewallFaults({ names, firewall, closed }: KernelState): readonly NetworkFinding[] {
  const subject = `firewall table inet ${names.table}`;
  const problems = firewall.isWanted ? firewall.compare() : [];
  return [
    ...problems.map((problem) => finding(subject, problem, "restart the engine")),
    ...closed.map((rule) =>
      finding(
        rule,
        "cannot be applied to published ports, so what reaches it is refused",
        "write it with nft's own matches, or set the policy docker",
      ),
    ),
  ];
}
