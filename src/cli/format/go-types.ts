import { nilList, nilMap } from "../../spec/template/values.ts";

/** Fields of the API that are lists or maps in Go: their null prints as `[]` or `map[]`. */
const lists = new Set([
  "Args",
  "Binds",
  "CapAdd",
  "CapDrop",
  "Cmd",
  "DeviceCgroupRules",
  "DeviceRequests",
  "Devices",
  "Dns",
  "DnsOptions",
  "DnsSearch",
  "Entrypoint",
  "Env",
  "ExecIDs",
  "ExtraHosts",
  "GroupAdd",
  "Layers",
  "Links",
  "MaskedPaths",
  "Mounts",
  "OnBuild",
  "ReadonlyPaths",
  "RepoDigests",
  "RepoTags",
  "SecurityOpt",
  "Shell",
  "Ulimits",
  "VolumesFrom",
]);
const maps = new Set([
  "Annotations",
  "Config",
  "Data",
  "ExposedPorts",
  "Labels",
  "Networks",
  "PortBindings",
  "Ports",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Volumes",
]);
/** Fields that are left out where they are empty, but may be asked for in a template. */
const optional: Readonly<Record<string, readonly string[]>> = {
  State: ["Health"],
  Config: ["Healthcheck", "StopSignal", "StopTimeout", "Shell", "ArgsEscaped", "ExposedPorts"],
  HostConfig: ["Annotations", "Mounts", "Tmpfs", "Sysctls", "StorageOpt", "Init"],
};

/** An object of the API as a template sees it: with Go's nil values, and optional fields present. */
export function withGoTypes(value: unknown, name = ""): unknown {
  if (value === null && lists.has(name)) return nilList;
  if (value === null && maps.has(name)) return nilMap;
  if (Array.isArray(value)) return value.map((item) => withGoTypes(item));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([key, inner]) => [key, withGoTypes(inner, key)]);
  const absent = (optional[name] ?? []).filter((key) => !Object.hasOwn(value, key));
  return Object.fromEntries([...fields, ...absent.map((key) => [key, undefined])]);
}
