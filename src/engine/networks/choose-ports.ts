import { Failure } from "../../base/failure.ts";
import { findPortClash, mergePorts } from "../../network/merge-ports.ts";
import type { PublishedPorts } from "../../network/types.ts";
import { formatIpAddress, parseIpAddress } from "../../spec/ip-address.ts";
import type { PortSpec } from "../network-types.ts";

/** What of the host's ports is in use. */
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
 * The ports of a container on the host, none of which anybody else has; free ones where the host's port is not said.
 * Throws "conflict" naming the port and who has it.
 */
export function choosePorts(specs: readonly PortSpec[], facts: PortFacts): readonly PublishedPorts[] {
  const chosen: PublishedPorts[] = [];
  for (const spec of specs) {
    const { protocol = "tcp", containerPort, count = 1, hostPort, lastHostPort } = spec;
    const hostAddress = spec.hostAddress === undefined ? undefined : parseIpAddress(spec.hostAddress);
    const at = (port: number): PublishedPorts => ({
      protocol,
      ...(hostAddress === undefined ? {} : { hostAddress }),
      hostPort: port,
      containerPort,
      count,
    });
    const blocked = (ports: PublishedPorts): Failure | undefined => whatBlocks(ports, { facts, chosen });
    const found =
      hostPort === undefined
        ? pickFree(at, blocked)
        : pickFrom(at, { first: hostPort, last: lastHostPort ?? hostPort, blocked });
    chosen.push(found);
  }
  return mergePorts(chosen);
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

/** Not the one that was free last, so that who still has an old connection doesn't meet somebody new. */
function pickFree(
  at: (port: number) => PublishedPorts,
  blocked: (ports: PublishedPorts) => Failure | undefined,
): PublishedPorts {
  const { count } = at(0);
  const room = ephemeral.last - ephemeral.first + 1;
  for (let tried = 0; tried < room; tried++) {
    const port = nextEphemeral + count - 1 > ephemeral.last ? ephemeral.first : nextEphemeral;
    const isFree = blocked(at(port)) === undefined;
    nextEphemeral = isFree ? port + count : port + 1;
    if (isFree) return at(port);
  }
  throw new Failure("exhausted", `cannot publish port ${at(0).containerPort}: no port of the host's is free`);
}

function whatBlocks(
  ports: PublishedPorts,
  { facts, chosen }: { readonly facts: PortFacts; readonly chosen: readonly PublishedPorts[] },
): Failure | undefined {
  if (ports.hostPort + ports.count - 1 > 65_535) {
    return new Failure(
      "invalid",
      `cannot publish ports from ${ports.hostPort} on: the last one is past 65535`,
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
  const place = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return new Failure("conflict", `cannot publish port ${place}/${protocol}: ${why}`, {
    details: { hostPort: port },
  });
}
