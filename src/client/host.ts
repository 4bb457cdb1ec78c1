import { Failure } from "../base/failure.ts";

/** Where a daemon listens. */
export type Host =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number };

/** Reads `unix:///run/tare/tare.sock`, `tcp://localhost:2375` or `http://…`. Throws Failure("invalid"). */
export function parseHost(text: string): Host {
  if (text.startsWith("unix://")) {
    const path = text.slice("unix://".length);
    if (!path.startsWith("/") || path.includes("\0")) throw refused(text, "its path must be absolute");
    return { kind: "unix", path };
  }
  const match = /^(?:tcp|http):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/.exec(text);
  if (match === null) {
    const other = /^(ssh|npipe|fd|https):/.exec(text);
    throw refused(
      text,
      other === null ? "it must be unix:///path or tcp://name:port" : `${other[1]}:// is not supported yet`,
    );
  }
  const port = Number(match[2] ?? 2375);
  if (port < 1 || port > 65535) throw refused(text, "its port must be between 1 and 65535");
  return { kind: "tcp", hostname: (match[1] ?? "").replace(/^\[|\]$/g, ""), port };
}

/** The text parseHost() reads. */
export function formatHost(host: Host): string {
  if (host.kind === "unix") return `unix://${host.path}`;
  const name = host.hostname.includes(":") ? `[${host.hostname}]` : host.hostname;
  return `tcp://${name}:${host.port}`;
}

function refused(text: string, detail: string): Failure {
  return new Failure("invalid", `cannot use host "${text.slice(0, 200)}": ${detail}`);
}
