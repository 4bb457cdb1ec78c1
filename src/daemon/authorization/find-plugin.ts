import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { codeOf, Failure } from "../../base/failure.ts";
import { isRecord } from "../../base/is-record.ts";

const specLimitBytes = 64 * 1024;
const dockerSockets = "/run/docker/plugins";
const specDirectories = ["/etc/tare/plugins", "/etc/docker/plugins", "/usr/lib/docker/plugins"];

/**
 * The path of a plug-in's socket: NAME.sock below `runRoot`/plugins or Docker's directory, else the address in a
 * NAME.spec or NAME.json. Throws "not-found", or "unsupported" for an address that is no Unix socket.
 * SPEC: docs.docker.com/engine/extend/plugin_api (plugin discovery)
 */
export function findPluginSocket(
  name: string,
  runRoot: string,
  specs: readonly string[] = specDirectories,
): string {
  for (const directory of [`${runRoot}/plugins`, dockerSockets])
    for (const path of pathsIn(directory, name, ".sock"))
      if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) return path;
  for (const directory of specs)
    for (const extension of [".spec", ".json"])
      for (const path of pathsIn(directory, name, extension)) {
        const text = readSpec(path);
        if (text !== undefined) return parseAddress(text, path);
      }
  throw new Failure("not-found", `plugin ${JSON.stringify(name)} not found`);
}

function pathsIn(directory: string, name: string, extension: string): readonly string[] {
  return [`${directory}/${name}${extension}`, `${directory}/${name}/${name}${extension}`];
}

/** Undefined: there is no such file. */
function readSpec(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
  try {
    if (!fstatSync(fd).isFile()) throw new Failure("invalid", `cannot read ${path}: it is no regular file`);
    const bytes = Buffer.alloc(specLimitBytes + 1);
    const size = readSync(fd, bytes, 0, bytes.length, 0);
    if (size > specLimitBytes)
      throw new Failure("invalid", `cannot read ${path}: it is longer than ${specLimitBytes} bytes`);
    return bytes.toString("utf8", 0, size);
  } finally {
    closeSync(fd);
  }
}

/** A .spec has the address alone, a .json an object with `Addr`. */
function parseAddress(text: string, path: string): string {
  const address = path.endsWith(".json") ? addressInJson(text, path) : text.trim();
  if (address.startsWith("unix:///")) return address.slice("unix://".length);
  throw new Failure("unsupported", `cannot use the address in ${path}: want unix:///path`);
}

function addressInJson(text: string, path: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value) && typeof value["Addr"] === "string") return value["Addr"];
  } catch (cause) {
    throw new Failure("invalid", `cannot read ${path}: it is no JSON`, { cause });
  }
  throw new Failure("invalid", `cannot read ${path}: it has no string "Addr"`);
}
