import type { PortReach } from "../../network/networks.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import type { ContainerId } from "../../model/ids.ts";
import type { PublishedReach } from "../../model/networks.ts";

export function describePortReach({
  containerId,
  network,
  reach: { ports, interfaces, blockedBy, conflicts, summary, text },
}: {
  readonly containerId: ContainerId;
  readonly network: string;
  readonly reach: PortReach;
}): PublishedReach {
  const { protocol, hostAddress, hostPort, containerPort, count } = ports;
  return {
    containerId,
    network,
    protocol,
    hostAddress: hostAddress && formatIpAddress(hostAddress),
    hostPort,
    containerPort,
    count,
    interfaces,
    blockedBy,
    conflicts,
    summary,
    text,
  };
}
