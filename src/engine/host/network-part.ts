import { openNetworks } from "../../network/open-networks.ts";
import { readHostNetwork } from "../../network/read-host.ts";
import type { NetworksOptions } from "../../network/networks.ts";
import type { NetworkPart } from "../dependencies.ts";

/**
 * The kernel's side of networks, in the network namespace of this process. Touches nothing yet; the caller disposes of
 * it.
 */
export function openNetworkPart(dataRoot: string, options: Omit<NetworksOptions, "dataRoot">): NetworkPart {
  const networks = openNetworks({ dataRoot, ...options });
  return {
    ensure: (plan) => networks.ensure(plan),
    remove: (plan) => networks.remove(plan),
    attach: (endpoint, options) => networks.attach(endpoint, options),
    detach: (id) => networks.detach(id),
    linkGone: (id) => networks.linkGone(id),
    expelLink: (id) => networks.expelLink(id),
    disconnect: (endpoint, options) => networks.disconnect(endpoint, options),
    canRelay: () => networks.canRelay(),
    checkPublishing: () => networks.checkPublishing(),
    setPorts: (id, ports) => networks.setPorts(id, ports),
    setDefaultGateways: (endpoint, options) => networks.setDefaultGateways(endpoint, options),
    bringUpLoopback: (options) => networks.bringUpLoopback(options),
    reconcile: (records) => networks.reconcile(records),
    removeAll: () => networks.removeAll(),
    findings: (options) => networks.findings(options),
    obstaclesOf: (plan) => networks.obstaclesOf(plan),
    reachOf: (ports, options) => networks.reachOf(ports, options),
    setPolicy: (policy) => networks.setPolicy(policy),
    get policy() {
      return networks.policy;
    },
    readHost: readHostNetwork,
    findPortHolder: (ports) => networks.findPortHolder(ports),
    [Symbol.asyncDispose]: () => networks[Symbol.asyncDispose](),
  };
}
