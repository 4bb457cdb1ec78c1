import { listLinks } from "../linux/netlink/links.ts";
import { openNetlink } from "../linux/netlink/netlink-socket.ts";
import { openNetfilter } from "./firewall/open-netfilter.ts";
import {
  findShutChains,
  type ForwardedNetwork,
  forwardChainsOf,
  type ShutChain,
} from "./find-forwarding-faults.ts";
import { surveyHost } from "./policy/survey-host.ts";
import { readForwarding } from "./read-forwarding.ts";

/** A bridge network as `network create` makes it by default. */
const likely: ForwardedNetwork = {
  name: "bridge",
  driver: "bridge",
  ipv4: true,
  internal: false,
  interContainer: true,
  interfaceName: "tr-000000000000",
};

/**
 * The chains of others that would refuse packets of a bridge network, whether or not one exists, in the network
 * namespace of this thread. Changes nothing. Throws "unsupported" without nf_tables or CAP_NET_ADMIN.
 */
export function surveyForwarding(): readonly ShutChain[] {
  using netfilter = openNetfilter();
  using route = openNetlink("route");
  const survey = surveyHost({ route, netfilter });
  const { links } = survey;
  return findShutChains({
    plans: [likely],
    chains: forwardChainsOf(survey),
    links,
    forwarding: readForwarding(route, (index) => listLinks(route).find((link) => link.index === index)),
  });
}
