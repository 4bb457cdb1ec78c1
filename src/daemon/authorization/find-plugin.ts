import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { codeOf, Failure } from "../../base/failure.ts";
import { isRecord } from "../../base/is-record.ts";

const fileLimitBytes = 64 * 1024;
const dockerSockets = "/run/docker/plugins";
const specDirectories = ["/etc/tare/plugins", "/etc/docker/plugins", "/usr/lib/docker/plugins"];

/** TLS to a plug-in, in PEM. */
export interface PluginTls {
  /** Absent: the authorities that the runtime trusts. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly rejectUnauthorized: boolean;
}

/** Where a plug-in serves. */
export type PluginAddress =
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly hostname: string;
      readonly port: number;
      readonly tls?: PluginTls | undefined;
    };

/**
 * The address of a plug-in: the socket NAME.sock below `runRoot`/plugins or Docker's directory, else that in a
 * NAME.spec or NAME.json. Throws "not-found", or "invalid" for a file that is wrong.
 * SPEC: docs.docker.com/engine/extend/plugin_api (plugin discovery)
 */
export function findPlugin(
  name: string,
  runRoot: string,
  specs: readonly string[] = specDirectories,
): PluginAddress {
  for (const directory of [`${runRoot}/plugins`, dockerSockets])
    for (const path of pathsIn(directory, name, ".sock"))
      if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) return { kind: "unix", path };
  for (const directory of specs)
    for (const extension of [".spec", ".json"])
      for (const path of pathsIn(directory, name, extension)) {
        const text = findText(path);
        if (text !== undefined) return addressIn(text, path);
      }
  throw new Failure("not-found", `plugin ${JSON.stringify(name)} not found`);
}

/** `unix:///run/x.sock`, `tcp://127.0.0.1:8080`, `https://[::1]:8080`. */
export function formatPluginAddress(address: PluginAddress): string {
  if (address.kind === "unix") return `unix://${address.path}`;
  const { hostname, port, tls } = address;
  return `${tls === undefined ? "tcp" : "https"}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function pathsIn(directory: string, name: string, extension: string): readonly string[] {
  return [`${directory}/${name}${extension}`, `${directory}/${name}/${name}${extension}`];
}

/** Undefined: there is no such file. */
function findText(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
  try {
    if (!fstatSync(fd).isFile()) throw new Failure("invalid", `cannot read ${path}: it is no regular file`);
    const bytes = Buffer.alloc(fileLimitBytes + 1);
    const size = readSync(fd, bytes, 0, bytes.length, 0);
    if (size > fileLimitBytes)
      throw new Failure("invalid", `cannot read ${path}: it is longer than ${fileLimitBytes} bytes`);
    return bytes.toString("utf8", 0, size);
  } finally {
    closeSync(fd);
  }
}

/** A .spec has the address alone, a .json an object with `Addr` and `TLSConfig`. */
function addressIn(text: string, path: string): PluginAddress {
  if (!path.endsWith(".json")) return parseAddress(text.trim(), { path, tlsConfig: {} });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Failure("invalid", `cannot read ${path}: it is no JSON`, { cause });
  }
  const { Addr: address, TLSConfig: tlsConfig = {} } = isRecord(value) ? value : {};
  if (typeof address !== "string")
    throw new Failure("invalid", `cannot read ${path}: it has no string "Addr"`);
  return parseAddress(address, { path, tlsConfig: isRecord(tlsConfig) ? tlsConfig : {} });
}

function parseAddress(
  address: string,
  { path, tlsConfig }: { readonly path: string; readonly tlsConfig: Readonly<Record<string, unknown>> },
): PluginAddress {
  if (address.startsWith("unix:///")) return { kind: "unix", path: address.slice("unix://".length) };
  const match = /^(tcp|https?):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})\/?$/.exec(address);
  const [, scheme, host = "", digits] = match ?? [];
  const port = Number(digits ?? 0);
  if (port < 1 || port > 65_535)
    throw new Failure(
      "invalid",
      `cannot use the address in ${path}: want unix:///path, tcp://host:port or https://host:port`,
    );
  const tls = scheme === "https" ? tlsOf(tlsConfig, path) : undefined;
  return { kind: "tcp", hostname: host.replace(/^\[|\]$/g, ""), port, tls };
}

/** SAFETY: unlike dockerd, a plug-in without a CAFile is verified, unless the file says InsecureSkipVerify. */
function tlsOf(config: Readonly<Record<string, unknown>>, path: string): PluginTls {
  const read = (key: string): string | undefined => {
    const file = config[key];
    if (typeof file !== "string" || file === "") return undefined;
    const text = findText(file);
    if (text === undefined) throw new Failure("invalid", `cannot use ${path}: ${key} ${file} does not exist`);
    return text;
  };
  return {
    ca: read("CAFile"),
    cert: read("CertFile"),
    key: read("KeyFile"),
    rejectUnauthorized: config["InsecureSkipVerify"] !== true,
  };
}
