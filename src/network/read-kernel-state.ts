import { listAddresses, listRoutes } from "../linux/netlink/addresses.ts";
import type { Wanted } from "./bridge/bridge-watch.ts";
import { findOwnEnds } from "./container-side.ts";
import type { KernelState } from "./find-faults.ts";
import type { OwnNames } from "./interface-names.ts";
import type { FindingsOptions } from "./networks.ts";
import type { OpenedHost } from "./opened-host.ts";
import { surveyHost } from "./policy/survey-host.ts";
import { readForwarding } from "./read-forwarding.ts";
import type { EndpointId } from "../model/ids.ts";

/** The kernel's current state, with the requested state, for findFaults(). */
export function readKernelState(
  { host, firewall, ruleCopy, netfilter, bypass, ports, watch }: OpenedHost,
  {
    names,
    wanted: { plans, endpoints },
    leaving,
    openNetns,
  }: {
    readonly names: OwnNames;
    readonly wanted: Wanted;
    readonly leaving: ReadonlySet<EndpointId>;
    readonly openNetns: NonNullable<FindingsOptions["openNetns"]>;
  },
): KernelState {
  const survey = surveyHost({ route: host.route, netfilter });
  return {
    names,
    plans: [...plans.values()],
    endpoints: [...endpoints.values()],
    ownEnds: findOwnEnds(endpoints, openNetns),
    survey,
    firewall,
    leaving,
    closed: ruleCopy.closed,
    bypass,
    forwarding: readForwarding(host.route, (index) => survey.links.find((link) => link.index === index)),
    addresses: listAddresses(host.route),
    routes: listRoutes(host.route),
    watch,
    portConflicts: ports.conflicts(),
  };
}
