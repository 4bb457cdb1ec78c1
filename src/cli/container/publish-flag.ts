import { optionFailure } from "../flags/flag.ts";
import { isAddress } from "./address.ts";

interface Binding {
  HostIp: string;
  HostPort: string;
}

export interface PublishedSet {
  readonly bindings: Readonly<Record<string, readonly Binding[]>>;
  readonly exposed: Readonly<Record<string, object>>;
}

/** `[[IP:][HOST]:]CONTAINER[/PROTOCOL]` with ranges, or the long form; a range is one pair. Throws optionFailure(). */
export function parsePublish(text: string): readonly [port: string, binding: Binding] {
  const spec = /(?:^|,)(?:target|published|protocol|mode)=/.test(text) ? parseLong(text) : parseShort(text);
  const { address, host, container, protocol } = spec;
  if (address !== "" && !isAddress(address)) throw optionFailure(`invalid IP address: ${address}`);
  const inner = parseRange(container, `invalid containerPort: ${container}`);
  const outer = host === "" ? undefined : parseRange(host, `invalid hostPort: ${host}`);
  const count = inner.last - inner.first + 1;
  if (outer !== undefined && outer.last - outer.first + 1 !== count && count !== 1) {
    throw optionFailure(`invalid ranges specified for container and host Ports: ${container} and ${host}`);
  }
  return [
    `${formatRange(inner)}/${protocol}`,
    { HostIp: address, HostPort: outer === undefined ? "" : formatRange(outer) },
  ];
}

/** `80`, `80/udp`, `8000-8010`: with its protocol. */
export function parseExposed(text: string): string {
  if (text.includes(":")) throw optionFailure(`invalid port format for --expose: ${text}`);
  const { ports, protocol } = splitProtocol(text);
  return `${formatRange(parseRange(ports, `invalid range format for --expose: ${text}`))}/${protocol}`;
}

interface Spec {
  readonly address: string;
  readonly host: string;
  readonly container: string;
  readonly protocol: string;
}

function parseShort(text: string): Spec {
  const { ports, protocol } = splitProtocol(text);
  // The address may have colons of its own: those of brackets, or of IPv6 before the last two parts.
  const match = /^(?:(?:\[([^\]]*)\]|(.*)):)?([0-9-]*):([^:]+)$/.exec(ports);
  if (match === null) {
    if (ports === "" || ports.includes(":")) throw optionFailure(`No port specified: ${text}<empty>`);
    return { address: "", host: "", container: ports, protocol };
  }
  return {
    address: match[1] ?? match[2] ?? "",
    host: match[3] ?? "",
    container: match[4] as string,
    protocol,
  };
}

/** `target=80,published=8080,protocol=tcp`, as services have it. */
function parseLong(text: string): Spec {
  const fields: Record<string, string> = {};
  for (const field of text.split(",")) {
    const [key = "", value] = field.split("=");
    if (value === undefined) throw optionFailure(`invalid field: ${field}`);
    if (!["target", "published", "protocol", "mode"].includes(key))
      throw optionFailure(`invalid field key: ${key}`);
    fields[key] = value;
  }
  if (fields["target"] === undefined) throw optionFailure(`missing mandatory field "target"`);
  const { protocol } = splitProtocol(`1/${fields["protocol"] ?? "tcp"}`);
  return { address: "", host: fields["published"] ?? "", container: fields["target"], protocol };
}

function splitProtocol(text: string): { readonly ports: string; readonly protocol: string } {
  const [ports = "", protocol = "tcp", ...more] = text.split("/");
  const lower = protocol.toLowerCase();
  if (more.length > 0 || !["tcp", "udp", "sctp"].includes(lower)) {
    throw optionFailure(`invalid proto: ${protocol}`);
  }
  return { ports, protocol: lower };
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function formatRange({ first, last }: Range): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

function parseRange(text: string, sentence: string): Range {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  if (match === null || first > 65_535 || last > 65_535) throw optionFailure(sentence);
  if (last < first) throw optionFailure(`invalid range specified for the port: ${text}`);
  return { first, last };
}
