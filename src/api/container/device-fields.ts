import { isOneOf } from "../../base/keys.ts";
import { Failure } from "../../base/failure.ts";
import type { ContainerResources } from "../../model/container-spec.ts";
import type { DeviceRequestSpec, DeviceRuleSpec, DeviceSpec } from "../../model/devices.ts";
import type { DeviceMapping, DeviceRequest, Resources } from "../types/host-config.ts";

type DeviceFields = Pick<ContainerResources, "devices" | "deviceRules" | "deviceRequests">;

/** Throws Failure("invalid"), in Docker's words, for rules and devices that can't be. */
export function parseDevices({ Devices, DeviceCgroupRules, DeviceRequests }: Resources): DeviceFields {
  const devices = (Devices ?? []).map(parseDevice);
  const deviceRules = (DeviceCgroupRules ?? []).map(parseDeviceRule);
  const deviceRequests = (DeviceRequests ?? []).map(parseDeviceRequest);
  return {
    devices: devices.length === 0 ? undefined : devices,
    deviceRules: deviceRules.length === 0 ? undefined : deviceRules,
    deviceRequests: deviceRequests.length === 0 ? undefined : deviceRequests,
  };
}

/** The way back. */
export function formatDevices({
  devices = [],
  deviceRules = [],
  deviceRequests = [],
}: DeviceFields = {}): Pick<Resources, "Devices" | "DeviceCgroupRules" | "DeviceRequests"> {
  return {
    Devices:
      devices.length === 0
        ? undefined
        : devices.map(({ source, target, access }) => ({
            PathOnHost: source,
            PathInContainer: target,
            CgroupPermissions: access,
          })),
    DeviceCgroupRules: deviceRules.length === 0 ? undefined : deviceRules.map(formatDeviceRule),
    DeviceRequests: deviceRequests.length === 0 ? undefined : deviceRequests.map(formatDeviceRequest),
  };
}

function parseDeviceRequest(request: DeviceRequest): DeviceRequestSpec {
  const { Driver, Count, DeviceIDs, Capabilities, Options } = request;
  return {
    driver: Driver ?? "",
    count: Count ?? 0,
    ids: DeviceIDs ?? [],
    capabilities: Capabilities ?? [],
    options: Options ?? {},
  };
}

function formatDeviceRequest({
  driver,
  count,
  ids,
  capabilities,
  options,
}: DeviceRequestSpec): DeviceRequest {
  return {
    Driver: driver,
    Count: count,
    DeviceIDs: ids.length === 0 ? null : ids,
    Capabilities: capabilities.length === 0 ? null : capabilities,
    Options: Object.keys(options).length === 0 ? null : options,
  };
}

function parseDevice(mapping: DeviceMapping): DeviceSpec {
  const { PathOnHost: source = "", CgroupPermissions: access = "" } = mapping;
  const target = mapping.PathInContainer || source;
  if (!isDeviceAccess(access === "" ? "rwm" : access)) {
    throw new Failure("invalid", `bad mode specified: ${access.slice(0, 50)}`);
  }
  return { source, target, access: access === "" ? "rwm" : access };
}

/** Letters of `rwm`, each at most once. */
export function isDeviceAccess(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

const largest = 2 ** 32 - 1;

const deviceTypes = ["a", "c", "b"] as const;

/** `c 1:3 rwm`, numbers may be `*`. */
export function parseDeviceRule(text: string): DeviceRuleSpec {
  const [, type, major = "", minor = "", access = ""] =
    /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text) ?? [];
  if (!isOneOf(deviceTypes, type)) {
    throw new Failure("invalid", `invalid device cgroup rule format: '${text.slice(0, 100)}'`);
  }
  const number = (digits: string, name: string): number | undefined => {
    if (digits === "*") return undefined;
    const value = Number(digits);
    if (value <= largest) return value;
    throw new Failure(
      "invalid",
      `invalid ${name} value in device cgroup rule format: '${text.slice(0, 100)}'`,
    );
  };
  const [majorValue, minorValue] = [number(major, "major"), number(minor, "minor")];
  return {
    type,
    major: majorValue,
    minor: minorValue,
    access: [...new Set(access)].join(""),
  };
}

function formatDeviceRule({ type, major, minor, access }: DeviceRuleSpec): string {
  return `${type} ${major ?? "*"}:${minor ?? "*"} ${access}`;
}
