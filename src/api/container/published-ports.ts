import { isIP } from "node:net";
import { Failure } from "../../base/failure.ts";
import { formatPortRun, joinPortRuns, type PortProtocol, type PortRun } from "../../spec/port-run.ts";
import type { ContainerConfig } from "../types/container-config.ts";
import type { HostConfig, PortBinding } from "../types/host-config.ts";

/** Ports in the engine's words: `count` from each first one on. */
export interface PlannedPorts {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  readonly count: number;
  readonly hostAddress?: string;
  /** Absent: the engine chooses. */
  readonly hostPort?: number;
  /** With a count of 1: the first free one up to this. */
  readonly lastHostPort?: number;
}

/** `80/tcp`, `8000-8010/udp`, `80`. Throws "invalid" in Docker's words. */
export function parseContainerPort(text: string): PortRun {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([A-Za-z]+))?$/.exec(text);
  const protocol = (match?.[3] ?? "tcp").toLowerCase();
  if (match === null) throw new Failure("invalid", `invalid port specification: "${text.slice(0, 100)}"`);
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") {
    throw new Failure("invalid", `invalid proto: ${protocol.slice(0, 50)}`);
  }
  const [first, last] = parseRange(match[1] as string, match[2], text);
  return { protocol, first, last };
}

/** The keys of `ExposedPorts`, each checked, with its protocol; neighbours joined: Docker's clients send each port of a range. */
export function planExposed(config: Pick<ContainerConfig, "ExposedPorts">): readonly string[] {
  const runs = Object.keys(config.ExposedPorts ?? {}).map(parseContainerPort);
  return joinPortRuns(runs).map(formatPortRun);
}

/** `HostConfig.PortBindings`. Throws Failure("invalid") for what can't be a port. */
export function planPorts({ PortBindings: bindings }: HostConfig): readonly PlannedPorts[] {
  const found: PlannedPorts[] = [];
  for (const [key, value] of Object.entries(bindings ?? {})) {
    const { protocol, first, last } = parseContainerPort(key);
    const count = last - first + 1;
    // An empty list is Docker's way to say: anywhere.
    const list: readonly PortBinding[] = value === null || value.length === 0 ? [{}] : value;
    for (const { HostIp = "", HostPort = "" } of list) {
      found.push({
        protocol,
        containerPort: first,
        count,
        ...planAddress(HostIp),
        ...planHost(HostPort, count),
      });
    }
  }
  return joinPorts(found);
}

/** Neighbours whose ports run on in parallel become one. */
export function joinPorts(ports: readonly PlannedPorts[]): readonly PlannedPorts[] {
  const joined: PlannedPorts[] = [];
  const last = new Map<string, number>();
  for (const ports_ of [...ports].sort(byPlace)) {
    const { protocol, hostAddress = "", hostPort, containerPort, lastHostPort } = ports_;
    const shift = hostPort === undefined ? "any" : hostPort - containerPort;
    const key = `${protocol}/${hostAddress}/${shift}`;
    const at = last.get(key);
    const before = at === undefined ? undefined : joined[at];
    const continues =
      before !== undefined &&
      lastHostPort === undefined &&
      before.lastHostPort === undefined &&
      before.containerPort + before.count === containerPort;
    if (continues) joined[at as number] = { ...before, count: before.count + ports_.count };
    else {
      last.set(key, joined.length);
      joined.push(ports_);
    }
  }
  return joined;
}

/** Published ports that go, by the host's. */
export interface PlannedRemoval {
  readonly hostPort: number;
  readonly count?: number;
  readonly protocol?: PortProtocol;
  readonly hostAddress?: string;
}

/** `8081`, `8081/udp`, `8000-8010`, `127.0.0.1:8081`, `[::1]:8081`. Throws "invalid". */
export function parseRemoval(text: string): PlannedRemoval {
  const match = /^(?:(.*):)?(\d{1,5}(?:-\d{1,5})?)(\/[A-Za-z]+)?$/.exec(text);
  if (match === null) throw new Failure("invalid", `invalid port specification: "${text.slice(0, 100)}"`);
  const { protocol, first, last } = parseContainerPort(`${match[2]}${match[3] ?? ""}`);
  return {
    hostPort: first,
    ...(first === last ? {} : { count: last - first + 1 }),
    ...(match[3] === undefined ? {} : { protocol }),
    ...planAddress(match[1] ?? ""),
  };
}

/** The way back. */
export function formatRemoval({ hostPort, count = 1, protocol, hostAddress }: PlannedRemoval): string {
  const ports = count === 1 ? `${hostPort}` : `${hostPort}-${hostPort + count - 1}`;
  const address =
    hostAddress === undefined ? "" : `${hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress}:`;
  return `${address}${ports}${protocol === undefined ? "" : `/${protocol}`}`;
}

/** The way back: `PortBindings` of what the engine has. */
export function formatPortBindings(
  ports: readonly Omit<PlannedPorts, "protocol" | "count">[] &
    readonly { readonly protocol?: PortProtocol; readonly count?: number }[],
): Readonly<Record<string, readonly PortBinding[]>> {
  const bindings: Record<string, PortBinding[]> = {};
  for (const {
    protocol = "tcp",
    containerPort,
    count = 1,
    hostAddress = "",
    hostPort,
    lastHostPort,
  } of ports) {
    for (let at = 0; at < count; at++) {
      const first = hostPort === undefined ? "" : String(hostPort + at);
      const HostPort = lastHostPort === undefined ? first : `${first}-${lastHostPort}`;
      (bindings[`${containerPort + at}/${protocol}`] ??= []).push({ HostIp: hostAddress, HostPort });
    }
  }
  return bindings;
}

function byPlace(one: PlannedPorts, other: PlannedPorts): number {
  return one.containerPort - other.containerPort || (one.hostPort ?? 0) - (other.hostPort ?? 0);
}

function planAddress(text: string): { readonly hostAddress?: string } {
  const address = text.replace(/^\[(.*)\]$/, "$1");
  if (address === "") return {};
  if (isIP(address) === 0) throw new Failure("invalid", `invalid IP address: ${text.slice(0, 100)}`);
  return { hostAddress: address };
}

function planHost(
  text: string,
  count: number,
): { readonly hostPort?: number; readonly lastHostPort?: number } {
  if (text === "" || text === "0") return {};
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) throw new Failure("invalid", `invalid port specification: "${text.slice(0, 100)}"`);
  const [first, last] = parseRange(match[1] as string, match[2], text);
  if (first === last) return { hostPort: first };
  if (count === 1) return { hostPort: first, lastHostPort: last };
  if (last - first + 1 === count) return { hostPort: first };
  throw new Failure("invalid", `invalid ranges specified for container and host Ports: ${count} and ${text}`);
}

function parseRange(first: string, last: string | undefined, text: string): readonly [number, number] {
  const from = Number(first);
  const to = last === undefined ? from : Number(last);
  if (from > 65_535 || to > 65_535 || to < from || from === 0) {
    throw new Failure("invalid", `invalid port specification: "${text.slice(0, 100)}"`);
  }
  return [from, to];
}
