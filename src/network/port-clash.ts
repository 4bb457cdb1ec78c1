import { Failure } from "../base/failure.ts";
import { formatIpAddress, type IpAddress } from "../spec/ip-address.ts";
import type { EndpointPlan, PublishedPorts } from "./types.ts";
import type { EndpointId } from "../model/ids.ts";

/**
 * The first of `ports` that takes a host's port which one of `others` has as well: the same address, or all addresses
 * of its family.
 */
export function findPortClash(
  ports: readonly PublishedPorts[],
  others: readonly PublishedPorts[],
): PublishedPorts | undefined {
  return ports.find((one) => others.some((other) => clash(one, other)));
}

function clash(one: PublishedPorts, other: PublishedPorts): boolean {
  return (
    one.protocol === other.protocol &&
    one.hostPort < other.hostPort + other.count &&
    other.hostPort < one.hostPort + one.count &&
    shareAddress(one.hostAddress, other.hostAddress)
  );
}

function shareAddress(one: IpAddress | undefined, other: IpAddress | undefined): boolean {
  if (one === undefined || other === undefined) return true;
  if (one.family !== other.family) return false;
  return one.value === other.value || one.value === 0n || other.value === 0n;
}

/** `0.0.0.0:8080-8090/tcp` */
export function formatHostPorts({ protocol, hostAddress, hostPort, count }: PublishedPorts): string {
  const address = hostAddress === undefined ? "0.0.0.0" : formatIpAddress(hostAddress);
  const range = count === 1 ? `${hostPort}` : `${hostPort}-${hostPort + count - 1}`;
  return `${hostAddress?.family === 6 ? `[${address}]` : address}:${range}/${protocol}`;
}

/** Throws "conflict" for the first port that another endpoint publishes. */
export function refuseTakenPorts(
  ports: readonly PublishedPorts[],
  {
    of: own,
    endpoints,
  }: { readonly of: EndpointId; readonly endpoints: ReadonlyMap<EndpointId, EndpointPlan> },
): void {
  if (ports.length === 0) return;
  for (const [other, { ports: taken }] of endpoints) {
    const clash = other === own || taken.length === 0 ? undefined : findPortClash(ports, taken);
    if (clash !== undefined) {
      throw new Failure("conflict", `cannot publish ${formatHostPorts(clash)}: port is already allocated`);
    }
  }
}
