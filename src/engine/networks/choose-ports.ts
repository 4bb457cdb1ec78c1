import { Failure, isFailure } from "../../base/failure.ts";
import { findPortClash } from "../../network/port-clash.ts";
import type { PublishedPorts } from "../../network/types.ts";
import { formatIpAddress, parseIpAddress } from "../../spec/ip-address.ts";
import { mergePortMappings } from "../../spec/merge-ports.ts";
import { highestPort } from "../../spec/port-range.ts";
import type { PortSpec } from "../../model/networks.ts";

/** The host ports in use. */
export interface PortFacts {
  /** Of other containers, with the name of each. */
  readonly others: readonly { readonly ports: PublishedPorts; readonly name: string }[];
  /** A program of the host's that listens on one of them. */
  readonly findHolder: (ports: PublishedPorts) => { readonly port: number } | undefined;
}

/** Where ports without a wish of their own come from: those that the kernel gives to clients, too. */
const ephemeral = { first: 32_768, last: 60_999 } as const;
let nextEphemeral: number = ephemeral.first;

/**
 * Returns the host ports of a container, none of which another container uses; allocates a free port where the host
 * port is omitted. Throws "conflict" that names the port and its owner.
 */
export function choosePorts(specs: readonly PortSpec[], facts: PortFacts): readonly PublishedPorts[] {
  const chosen: PublishedPorts[] = [];
  // Those that may have any number come last: they must not take the number that another one of the request needs.
  const ordered = [...specs].sort((one, other) => freedomOf(one) - freedomOf(other));
  for (const spec of ordered) {
    const { protocol = "tcp", containerPort, count = 1, hostPort, lastHostPort } = spec;
    const hostAddress = spec.hostAddress === undefined ? undefined : parseIpAddress(spec.hostAddress);
    const binding = { protocol, hostAddress };
    const blocked = (ports: PublishedPorts): Failure | undefined => whatBlocks(ports, { facts, chosen });
    if (hostPort === undefined) {
      for (const run of pickFree({ ...binding, containerPort, count }, blocked)) chosen.push(run);
    } else {
      const at = (port: number): PublishedPorts => ({ ...binding, hostPort: port, containerPort, count });
      chosen.push(pickFrom(at, { first: hostPort, last: lastHostPort ?? hostPort, blocked }));
    }
  }
  return mergePortMappings(chosen, ({ hostAddress }) =>
    hostAddress === undefined ? "" : formatIpAddress(hostAddress),
  );
}

/** How many of the host's ports would do: one, a range, all. */
function freedomOf({ hostPort, lastHostPort = hostPort }: PortSpec): number {
  return hostPort === undefined || lastHostPort === undefined ? 65_536 : lastHostPort - hostPort;
}

function pickFrom(
  at: (port: number) => PublishedPorts,
  {
    first,
    last,
    blocked,
  }: {
    readonly first: number;
    readonly last: number;
    readonly blocked: (ports: PublishedPorts) => Failure | undefined;
  },
): PublishedPorts {
  let reason: Failure | undefined;
  for (let port = first; port <= last; port++) {
    const failure = blocked(at(port));
    if (failure === undefined) return at(port);
    reason ??= failure;
  }
  throw reason ?? new Failure("invalid", `cannot publish ports ${first}-${last}: there are none`);
}

/**
 * Sequentially where so many ports are free in a row, else in several ranges. Prefers ports that were not used
 * recently, so that old connections of one client do not reach another container.
 */
function* pickFree(
  wanted: Omit<PublishedPorts, "hostPort">,
  blocked: (ports: PublishedPorts) => Failure | undefined,
): Generator<PublishedPorts, void> {
  const { containerPort, count } = wanted;
  const found = findFree(wanted, blocked);
  if (found !== undefined) return yield found;
  if (count === 1) {
    throw new Failure("exhausted", `cannot publish port ${containerPort}: no port of the host's is free`);
  }
  const half = count >> 1;
  yield* pickFree({ ...wanted, count: half }, blocked);
  yield* pickFree({ ...wanted, containerPort: containerPort + half, count: count - half }, blocked);
}

/** Once around all of them. */
function findFree(
  wanted: Omit<PublishedPorts, "hostPort">,
  blocked: (ports: PublishedPorts) => Failure | undefined,
): PublishedPorts | undefined {
  const { count } = wanted;
  const ephemeralCount = ephemeral.last - ephemeral.first + 1;
  for (let passed = 0; passed < ephemeralCount; ) {
    const port = nextEphemeral + count - 1 > ephemeral.last ? ephemeral.first : nextEphemeral;
    if (port + count - 1 > ephemeral.last) return undefined;
    const found = { ...wanted, hostPort: port };
    const failure = blocked(found);
    const taken = isFailure(failure, "conflict") ? (failure.details.hostPort ?? 0) : 0;
    nextEphemeral = failure === undefined ? port + count : Math.max(port, taken) + 1;
    if (failure === undefined) return found;
    passed += nextEphemeral - port;
  }
  return undefined;
}

function whatBlocks(
  ports: PublishedPorts,
  { facts, chosen }: { readonly facts: PortFacts; readonly chosen: readonly PublishedPorts[] },
): Failure | undefined {
  if (ports.hostPort + ports.count - 1 > highestPort) {
    return new Failure(
      "invalid",
      `cannot publish ports from ${ports.hostPort} on: the last one is past ${highestPort}`,
    );
  }
  for (const other of facts.others) {
    if (findPortClash([ports], [other.ports]) === undefined) continue;
    const port = Math.max(ports.hostPort, other.ports.hostPort);
    return taken(ports, port, `port is already allocated: container "${other.name}" has it`);
  }
  if (findPortClash([ports], chosen) !== undefined) {
    return taken(ports, ports.hostPort, "port is already allocated: it is asked for twice");
  }
  const held = facts.findHolder(ports);
  return held && taken(ports, held.port, "address already in use: a program on the host listens on it");
}

function taken({ protocol, hostAddress }: PublishedPorts, port: number, why: string): Failure {
  const address = hostAddress === undefined ? "0.0.0.0" : formatIpAddress(hostAddress);
  const binding = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return new Failure("conflict", `cannot publish port ${binding}/${protocol}: ${why}`, {
    details: { hostPort: port },
  });
}
