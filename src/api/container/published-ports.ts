import { isIP } from "node:net";
import { Failure } from "../../base/failure.ts";
import { mergePortMappings, mergePortRanges, type PortMapping } from "../../spec/merge-ports.ts";
import {
  formatPortRange,
  isAscending,
  parsePortNumbers,
  parsePortProtocol,
  parsePortRange,
  type PortProtocol,
  type PortRange,
} from "../../spec/port-range.ts";
import type { PortRemoval } from "../../model/updates.ts";
import type { ContainerConfig } from "../types/container-config.ts";
import type { HostConfig, PortBinding } from "../types/host-config.ts";

/** Ports in the engine's words: `count` from each first one on. */
export interface ParsedPorts extends PortMapping {
  readonly hostAddress?: string | undefined;
}

/** `80/tcp`, `8000-8010/udp`, `80`. Throws "invalid" in Docker's words. */
export function parseContainerPort(text: string): PortRange {
  const range = parsePortRange(text);
  if (range !== undefined) return range;
  const [numbers = "", protocol = "tcp", ...more] = text.split("/");
  const isOther =
    more.length === 0 && /^[A-Za-z]+$/.test(protocol) && parsePortProtocol(protocol) === undefined;
  if (isOther && parsePortNumbers(numbers) !== undefined)
    throw new Failure("invalid", `invalid proto: ${protocol.toLowerCase().slice(0, 50)}`);
  throw invalidPort(text);
}

/**
 * The keys of `ExposedPorts`, each checked, with its protocol; neighbors merged: Docker's clients send each port of a
 * range.
 */
export function parseExposed(config: Pick<ContainerConfig, "ExposedPorts">): readonly string[] {
  const runs = Object.keys(config.ExposedPorts ?? {}).map(parseContainerPort);
  return mergePortRanges(runs).map(formatPortRange);
}

/** `HostConfig.PortBindings`. Throws Failure("invalid") for what can't be a port. */
export function parsePorts({ PortBindings: bindings }: HostConfig): readonly ParsedPorts[] {
  const found: ParsedPorts[] = [];
  for (const [key, value] of Object.entries(bindings ?? {})) {
    const { protocol, first, last } = parseContainerPort(key);
    const count = last - first + 1;
    // In Docker, an empty list means every address.
    const list: readonly PortBinding[] = value === null || value.length === 0 ? [{}] : value;
    for (const { HostIp = "", HostPort = "" } of list) {
      found.push({
        protocol,
        containerPort: first,
        count,
        ...parseAddress(HostIp),
        ...parseHost(HostPort, count),
      });
    }
  }
  return mergePortMappings(found, ({ hostAddress = "" }) => hostAddress);
}

/** `8081`, `8081/udp`, `8000-8010`, `127.0.0.1:8081`, `[::1]:8081`. Throws "invalid". */
export function parseRemoval(text: string): PortRemoval {
  const match = /^(?:(.*):)?(\d{1,5}(?:-\d{1,5})?)(\/[A-Za-z]+)?$/.exec(text);
  if (match === null) throw invalidPort(text);
  const { protocol, first, last } = parseContainerPort(`${match[2]}${match[3] ?? ""}`);
  return {
    hostPort: first,
    count: first === last ? undefined : last - first + 1,
    protocol: match[3] === undefined ? undefined : protocol,
    ...parseAddress(match[1] ?? ""),
  };
}

/** The way back. */
export function formatRemoval({ hostPort, count = 1, protocol, hostAddress }: PortRemoval): string {
  const ports = count === 1 ? `${hostPort}` : `${hostPort}-${hostPort + count - 1}`;
  const address =
    hostAddress === undefined ? "" : `${hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress}:`;
  return `${address}${ports}${protocol === undefined ? "" : `/${protocol}`}`;
}

/** The way back: `PortBindings` of what the engine has. */
export function formatPortBindings(
  ports: readonly Omit<ParsedPorts, "protocol" | "count">[] &
    readonly { readonly protocol?: PortProtocol | undefined; readonly count?: number | undefined }[],
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

function parseAddress(text: string): { readonly hostAddress?: string | undefined } {
  const address = text.replace(/^\[(.*)\]$/, "$1");
  if (address === "") return {};
  if (isIP(address) === 0) throw new Failure("invalid", `invalid IP address: ${text.slice(0, 100)}`);
  return { hostAddress: address };
}

function parseHost(
  text: string,
  count: number,
): { readonly hostPort?: number | undefined; readonly lastHostPort?: number | undefined } {
  if (text === "" || text === "0") return {};
  const numbers = parsePortNumbers(text);
  if (numbers === undefined || numbers.first === 0 || !isAscending(numbers)) throw invalidPort(text);
  const { first, last } = numbers;
  if (first === last) return { hostPort: first };
  if (count === 1) return { hostPort: first, lastHostPort: last };
  if (last - first + 1 === count) return { hostPort: first };
  throw new Failure("invalid", `invalid ranges specified for container and host Ports: ${count} and ${text}`);
}

function invalidPort(text: string): Failure {
  return new Failure("invalid", `invalid port specification: "${text.slice(0, 100)}"`);
}
