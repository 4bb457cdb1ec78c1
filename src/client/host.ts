import { Failure } from "../base/failure.ts";

/** Where a daemon listens. */
export type Host =
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly hostname: string;
      readonly port: number;
      /** Absent: no TLS. */
      readonly tls?: ClientTls | undefined;
    }
  /** A command on another machine connects to the daemon's socket there. */
  | {
      readonly kind: "ssh";
      readonly user?: string | undefined;
      readonly hostname: string;
      readonly port?: number | undefined;
      /** Of the socket; absent: the default there. */
      readonly path?: string | undefined;
    };

/** How a client of a TCP port uses TLS. The files are in PEM. */
export interface ClientTls {
  /** Whether the daemon's certificate must be of the authority and name the host. */
  readonly verify: boolean;
  /** Absent: the system's authorities. */
  readonly authorityFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/**
 * Reads `unix:///run/tare/tare.sock`, `tcp://localhost:2375`, `http://…` or `ssh://user@host:22`. With `tls`, a TCP
 * port has TLS, and is 2376 by default. Throws Failure("invalid").
 */
export function parseHost(text: string, { tls }: { readonly tls?: ClientTls | undefined } = {}): Host {
  if (text.startsWith("unix://")) {
    const path = text.slice("unix://".length);
    if (!path.startsWith("/") || path.includes("\0")) throw refused(text, "its path must be absolute");
    return { kind: "unix", path };
  }
  if (text.startsWith("ssh://")) return parseSsh(text);
  const match = /^(?:tcp|http):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/.exec(text);
  if (match === null) {
    const other = /^(npipe|fd|https):/.exec(text);
    throw refused(
      text,
      other === null
        ? "it must be unix:///path, tcp://name:port or ssh://user@name"
        : `${other[1]}:// is not supported yet`,
    );
  }
  const port = Number(match[2] ?? (tls === undefined ? 2375 : 2376));
  if (port < 1 || port > 65535) throw refused(text, "its port must be between 1 and 65535");
  return { kind: "tcp", hostname: (match[1] ?? "").replace(/^\[|\]$/g, ""), port, tls };
}

/** SAFETY: a name that begins with a dash would be an option of ssh. */
function parseSsh(text: string): Host {
  const match =
    /^ssh:\/\/(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::(\d{1,5}))?(\/[A-Za-z0-9._/-]*)?$/.exec(
      text,
    );
  if (match === null) throw refused(text, "it must be ssh://user@name:port, without a password");
  const [, user, hostname = "", portText, path] = match;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65535))
    throw refused(text, "its port must be between 1 and 65535");
  return {
    kind: "ssh",
    user,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port,
    path: path === "/" ? undefined : path,
  };
}

/** The command whose standard streams are the connection. */
export function sshCommandOf({
  user,
  hostname,
  port,
  path,
}: Extract<Host, { kind: "ssh" }>): readonly string[] {
  return [
    "ssh",
    "-o",
    "ConnectTimeout=30",
    "-T",
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    "--",
    hostname,
    "tare",
    ...(path === undefined ? [] : ["--host", `unix://${path}`]),
    "system",
    "dial-stdio",
  ];
}

/** The text parseHost() reads. */
export function formatHost(host: Host): string {
  if (host.kind === "unix") return `unix://${host.path}`;
  if (host.kind === "ssh") {
    const { user, hostname, port, path = "" } = host;
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    return `ssh://${user === undefined ? "" : `${user}@`}${name}${port === undefined ? "" : `:${port}`}${path}`;
  }
  const name = host.hostname.includes(":") ? `[${host.hostname}]` : host.hostname;
  return `tcp://${name}:${host.port}`;
}

function refused(text: string, detail: string): Failure {
  return new Failure("invalid", `cannot use host "${text.slice(0, 200)}": ${detail}`);
}
