import type { FirewallTable } from "./firewall/firewall-table.ts";
import { findForwardingFaults, type Forwarding } from "./find-forwarding-faults.ts";
import { vethNameOf, type OwnNames } from "./interface-names.ts";
import type { NetworkFinding } from "./networks.ts";
import type { HostSurvey } from "./policy/survey-host.ts";
import type { EndpointId, EndpointPlan, NetworkPlan } from "./types.ts";

export interface KernelState {
  readonly names: OwnNames;
  readonly plans: readonly NetworkPlan[];
  readonly endpoints: readonly EndpointPlan[];
  readonly survey: HostSurvey;
  readonly firewall: FirewallTable;
  /** Of containers that have ended: interfaces that the kernel is taking away. */
  readonly leaving: ReadonlySet<EndpointId>;
  /** Rules of the host that could not be copied. */
  readonly closed: readonly string[];
  readonly forwarding: Forwarding;
}

/** What the kernel has that was not asked for, or lacks, and whose rules stand in the way. */
export function findFaults(state: KernelState): readonly NetworkFinding[] {
  return [...linkFaults(state), ...firewallFaults(state), ...findForwardingFaults(state)];
}

function finding(subject: string, problem: string, advice: string): NetworkFinding {
  return { subject, problem, advice };
}

function linkFaults({ names, plans, endpoints, survey, leaving }: KernelState): readonly NetworkFinding[] {
  const links = new Map(survey.links.map((link) => [link.name, link]));
  const known = new Set([
    ...plans.map((plan) => plan.interfaceName),
    ...[...endpoints.map(({ id }) => id), ...leaving].map((id) => vethNameOf(names, id)),
  ]);
  return [
    ...plans
      .filter((plan) => !links.has(plan.interfaceName))
      .map((plan) =>
        finding(`network ${plan.name}`, `its interface ${plan.interfaceName} is gone`, "restart the engine"),
      ),
    ...endpoints.flatMap(({ id, networkId }) => {
      const plan = plans.find((each) => each.id === networkId);
      const link = links.get(vethNameOf(names, id));
      const bridge = plan === undefined ? undefined : links.get(plan.interfaceName);
      if (plan?.driver !== "bridge" || bridge === undefined) return [];
      const subject = `endpoint ${id.slice(0, 12)} of the network ${plan.name}`;
      if (link === undefined) return [finding(subject, "has lost its interface", "restart its container")];
      if (link.master === bridge.index) return [];
      return [finding(subject, `its interface ${link.name} is not on its bridge`, "restart the engine")];
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

function firewallFaults({ names, firewall, closed }: KernelState): readonly NetworkFinding[] {
  const subject = `firewall table inet ${names.table}`;
  const different = firewall.isWanted ? firewall.compare() : [];
  return [
    ...different.map(({ set, missing, strange }) =>
      finding(
        subject,
        `its set ${set} lacks ${missing} elements and has ${strange} that nobody asked for`,
        "restart the engine",
      ),
    ),
    ...closed.map((rule) =>
      finding(
        rule,
        "cannot be applied to published ports, so what reaches it is refused",
        "write it with nft's own matches, or set the policy docker",
      ),
    ),
  ];
}
