import { Failure } from "../../base/failure.ts";
import {
  formatPortNumbers,
  isAscending,
  parsePortNumbers,
  parsePortProtocol,
  type PortNumbers,
  type PortProtocol,
} from "../../spec/port-range.ts";

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** The combined result of a list of `--publish` and one of `--expose`. */
export interface PublishedSet {
  readonly bindings: Readonly<Record<string, readonly Binding[]>>;
  readonly exposed: Readonly<Record<string, object>>;
}

export function joinPublished(
  published: readonly (readonly [port: string, binding: Binding])[],
  alsoExposed: readonly string[] = [],
): PublishedSet {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, Binding[]> = {};
  for (const [port, binding] of published) {
    exposed[port] = {};
    (bindings[port] ??= []).push(binding);
  }
  for (const port of alsoExposed) exposed[port] = {};
  return { bindings, exposed };
}

/**
 * `[[IP:][HOST]:]CONTAINER[/PROTOCOL]` with ranges, or the long form; a range is one pair. Throws "invalid"; whether
 * the address is one is not looked at.
 */
export function readPublish(text: string): readonly [port: string, binding: Binding] {
  const spec = /(?:^|,)(?:target|published|protocol|mode)=/.test(text) ? parseLong(text) : parseShort(text);
  const { address, host, container, protocol } = spec;
  const inner = parseRange(container, `invalid containerPort: ${container}`);
  const outer = host === "" ? undefined : parseRange(host, `invalid hostPort: ${host}`);
  const count = inner.last - inner.first + 1;
  if (outer !== undefined && outer.last - outer.first + 1 !== count && count !== 1) {
    throw refused(`invalid ranges specified for container and host Ports: ${container} and ${host}`);
  }
  return [
    `${formatPortNumbers(inner)}/${protocol}`,
    { HostIp: address, HostPort: outer === undefined ? "" : formatPortNumbers(outer) },
  ];
}

/** `80`, `80/udp`, `8000-8010`: with its protocol. Throws "invalid". */
export function readExposed(text: string): string {
  if (text.includes(":")) throw refused(`invalid port format for --expose: ${text}`);
  const { ports, protocol } = splitProtocol(text);
  return `${formatPortNumbers(parseRange(ports, `invalid range format for --expose: ${text}`))}/${protocol}`;
}

interface Spec {
  readonly address: string;
  readonly host: string;
  readonly container: string;
  readonly protocol: PortProtocol;
}

function parseShort(text: string): Spec {
  const { ports, protocol } = splitProtocol(text);
  // The address may contain colons: those in brackets, or those of IPv6 before the last two fields.
  const match = /^(?:(?:\[([^\]]*)\]|(.*)):)?([0-9-]*):([^:]+)$/.exec(ports);
  if (match === null) {
    if (ports === "" || ports.includes(":")) throw refused(`No port specified: ${text}<empty>`);
    return { address: "", host: "", container: ports, protocol };
  }
  return {
    address: match[1] ?? match[2] ?? "",
    host: match[3] ?? "",
    container: match[4] ?? "",
    protocol,
  };
}

/** `target=80,published=8080,protocol=tcp`, as services have it. */
function parseLong(text: string): Spec {
  const fields: Record<string, string> = {};
  for (const field of text.split(",")) {
    const [key = "", value] = field.split("=");
    if (value === undefined) throw refused(`invalid field: ${field}`);
    if (!["target", "published", "protocol", "mode"].includes(key))
      throw refused(`invalid field key: ${key}`);
    fields[key] = value;
  }
  if (fields["target"] === undefined) throw refused(`missing mandatory field "target"`);
  const { protocol } = splitProtocol(`1/${fields["protocol"] ?? "tcp"}`);
  return { address: "", host: fields["published"] ?? "", container: fields["target"], protocol };
}

function splitProtocol(text: string): { readonly ports: string; readonly protocol: PortProtocol } {
  const [ports = "", name = "tcp", ...more] = text.split("/");
  const protocol = parsePortProtocol(name);
  if (more.length > 0 || protocol === undefined) throw refused(`invalid proto: ${name}`);
  return { ports, protocol };
}

function parseRange(text: string, sentence: string): PortNumbers {
  const numbers = parsePortNumbers(text);
  if (numbers === undefined) throw refused(sentence);
  if (!isAscending(numbers)) throw refused(`invalid range specified for the port: ${text}`);
  return numbers;
}

function refused(sentence: string): Failure {
  return new Failure("invalid", sentence);
}
