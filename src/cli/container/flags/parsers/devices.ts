import { isDeviceAccess } from "../../../../api/container/device-fields.ts";
import type { DeviceMapping, DeviceRequest } from "../../../../api/types/host-config.ts";
import { Failure } from "../../../../base/failure.ts";
import { isCdiName } from "../../../../spec/cdi-name.ts";
import { parseCsvFields } from "../../../flags/csv-fields.ts";
import { optionFailure } from "../../../flags/flag.ts";

/** One `--device HOST[:CONTAINER[:rwm]]`, in Docker's words where it is refused. */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(":");
  const [host = ""] = parts;
  if (text === "" || host === "" || parts.length > 3) throw optionFailure(`bad format for path: ${text}`);
  const [, second, third] = parts;
  const secondIsAccess = third === undefined && second !== undefined && isDeviceAccess(second);
  const access = third ?? (secondIsAccess ? second : "rwm");
  const inside = second === undefined || secondIsAccess ? host : second;
  if (!isDeviceAccess(access)) throw optionFailure(`bad mode specified: ${access}`);
  if (second !== undefined && !secondIsAccess && !inside.startsWith("/")) {
    throw optionFailure(`${inside} is not an absolute path`);
  }
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: access };
}

/** The requests of CDI devices in `--device`, and of `--gpus`, as docker sends them. */
export function parseDeviceRequests({
  device,
  gpus,
}: {
  readonly device: readonly string[];
  readonly gpus: string;
}): readonly DeviceRequest[] | undefined {
  const names = device.filter((text) => isCdiName(text));
  const requests = [
    ...(names.length === 0 ? [] : [{ Driver: "cdi", DeviceIDs: names }]),
    ...(gpus === "" ? [] : [parseGpus(gpus)]),
  ];
  return requests.length === 0 ? undefined : requests;
}

/** `all`, a number, or `driver=…,count=…,device=…,capabilities=…,options=…` as one line of CSV. */
export function parseGpus(text: string): DeviceRequest {
  if (text === "") throw new Failure("invalid", 'want "all", a number or fields such as device=0');
  const seen = new Set<string>();
  let request: DeviceRequest = { Driver: "", Count: 0, Capabilities: [["gpu"]], Options: {} };
  for (const field of parseCsvFields(text)) {
    const equals = field.indexOf("=");
    const [key, value] = equals < 0 ? ["count", field] : [field.slice(0, equals), field.slice(equals + 1)];
    if (seen.has(key)) throw new Failure("invalid", `gpu request key '${key}' can be specified only once`);
    seen.add(key);
    request = { ...request, ...parseGpuField(key, value) };
  }
  return seen.has("count") || seen.has("device") ? request : { ...request, Count: 1 };
}

function parseGpuField(key: string, value: string): DeviceRequest {
  switch (key) {
    case "driver":
      return { Driver: value };
    case "count":
      return { Count: parseGpuCount(value) };
    case "device":
      return { DeviceIDs: value.split(",") };
    case "capabilities":
      return { Capabilities: [[...value.split(","), "gpu"]] };
    case "options":
      return { Options: parseOptions(value) };
    default:
      throw new Failure("invalid", `unexpected key '${key}' in '${key}=${value}'`);
  }
}

function parseGpuCount(text: string): number {
  if (text === "all") return -1;
  const count = Number(text);
  if (text !== "" && Number.isInteger(count)) return count;
  throw new Failure("invalid", `invalid count (${text}): value must be either "all" or an integer`);
}

function parseOptions(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    parseCsvFields(text).map((option) => {
      const [name = "", ...rest] = option.split("=");
      return [name, rest.join("=")];
    }),
  );
}

/** Gives back a value of `--gpus`. */
export function checkGpus(text: string): string {
  parseGpus(text);
  return text;
}

/** Gives back a rule of `--device-cgroup-rule`. */
export function checkDeviceRule(text: string): string {
  if (/^[acb] (?:\d+|\*):(?:\d+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw new Failure("invalid", `invalid device cgroup format '${text}'`);
}
