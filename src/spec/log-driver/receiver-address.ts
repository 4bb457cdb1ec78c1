import { quoted, refusedOption } from "./option-values.ts";

/** Where a log is sent. */
export type ReceiverAddress =
  | { readonly transport: "udp" | "tcp" | "tls"; readonly host: string; readonly port: number }
  /** "unix": a stream; "unixgram": datagrams. */
  | { readonly transport: "unix" | "unixgram"; readonly path: string };

/** As the options write it. */
export function formatReceiverAddress(address: ReceiverAddress): string {
  if ("path" in address) return `${address.transport}://${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${address.transport === "tls" ? "tcp+tls" : address.transport}://${host}:${address.port}`;
}

/** `syslog-address`; undefined for the syslog of the host. Throws "invalid" in dockerd's words. */
export function parseSyslogAddress(text: string): ReceiverAddress | undefined {
  if (text === "") return undefined;
  const [scheme, rest] = splitScheme(text);
  if (!["tcp", "tcp+tls", "udp", "unix", "unixgram"].includes(scheme))
    throw refusedOption(`syslog-address should be in form proto://address, got ${quoted(text)}`);
  if (scheme === "unix" || scheme === "unixgram") return { transport: scheme, path: pathOf(rest, text) };
  const place = splitHostPort(rest.replace(/\/$/, ""));
  if (place === undefined) throw refusedOption(`invalid syslog-address: ${quoted(text)}`);
  return {
    transport: scheme === "tcp+tls" ? "tls" : scheme === "udp" ? "udp" : "tcp",
    host: place.host || "localhost",
    port: place.port ?? 514,
  };
}

/** `gelf-address`. Throws "invalid" in dockerd's words. */
export function parseGelfAddress(text: string): Extract<ReceiverAddress, { host: string }> {
  if (text === "") throw refusedOption("gelf-address is a required parameter");
  const [scheme, rest] = splitScheme(text);
  if (scheme === "")
    throw refusedOption(`gelf-address should be in form proto://address, got ${quoted(text)}`);
  if (scheme !== "udp" && scheme !== "tcp") throw refusedOption("gelf: endpoint needs to be TCP or UDP");
  const place = splitHostPort(rest.replace(/\/$/, ""));
  if (place?.port === undefined)
    throw refusedOption("gelf: please provide gelf-address as proto://host:port");
  return { transport: scheme, host: place.host || "localhost", port: place.port };
}

/** `fluentd-address`. Throws "invalid" in dockerd's words. */
export function parseFluentdAddress(text: string): ReceiverAddress {
  if (text === "") return { transport: "tcp", host: "127.0.0.1", port: 24224 };
  const refuse = (why: string) => refusedOption(`invalid fluentd-address (${quoted(text)}): ${why}`);
  const [found, rest] = splitScheme(text);
  const scheme = found === "" ? "tcp" : found;
  if (scheme === "unix") {
    if (/^\/*$/.test(rest)) throw refuse("path is empty");
    return { transport: "unix", path: rest };
  }
  if (scheme !== "tcp" && scheme !== "tls") throw refuse(`unsupported scheme: '${quoted(scheme)}'`);
  if (rest.includes("/")) throw refuse("should not contain a path element");
  const place = splitHostPort(rest);
  if (place === undefined) throw refuse("invalid port");
  return { transport: scheme, host: place.host || "127.0.0.1", port: place.port ?? 24224 };
}

function splitScheme(text: string): readonly [scheme: string, rest: string] {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text);
  return match === null ? ["", text] : [(match[1] ?? "").toLowerCase(), match[2] ?? ""];
}

function pathOf(path: string, address: string): string {
  if (path.startsWith("/") && Buffer.byteLength(path) < 108) return path;
  throw refusedOption(
    `syslog-address should be in form proto://address, got ${quoted(address)}: want an absolute path of at most 107 bytes`,
  );
}

/** `host`, `host:port`, `[::1]:port`; undefined for anything else. */
function splitHostPort(text: string): { readonly host: string; readonly port?: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^:/\s[\]?#@]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? "";
  if (match[3] === undefined) return { host };
  const port = Number(match[3]);
  return port >= 1 && port <= 65535 ? { host, port } : undefined;
}
