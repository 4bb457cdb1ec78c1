import type { DeviceRule } from "../../linux/cgroup/device-rules.ts";
import type { RuntimeDevice } from "../../spec/runtime-config.ts";
import type { DeviceRuleSpec, DeviceSpec } from "../../model/devices.ts";
import { cleanPath } from "./clean-path.ts";
import { quote, refuse } from "./refusal.ts";

function character(path: string, major: number, minor: number): RuntimeDevice {
  return { type: "c", path, major, minor, fileMode: 0o666, uid: 0, gid: 0 };
}

/** The nodes in every container's /dev. SPEC: runtime-spec config-linux.md, "Default Devices" */
export const defaultDevices: readonly RuntimeDevice[] = [
  character("/dev/null", 1, 3),
  character("/dev/zero", 1, 5),
  character("/dev/full", 1, 7),
  character("/dev/random", 1, 8),
  character("/dev/urandom", 1, 9),
  character("/dev/tty", 5, 0),
];

/** A node for a container, and what of it may be done. */
export interface FoundDevice {
  readonly node: RuntimeDevice;
  readonly access: string;
}

/** The default ones, those of the host (for a privileged container), and those asked for; the last of a path counts. */
export function resolveDevices(
  host: readonly RuntimeDevice[],
  asked: readonly RuntimeDevice[] = [],
): readonly RuntimeDevice[] {
  const known = new Set(defaultDevices.map((device) => device.path));
  const own = host.filter((device) => !known.has(device.path));
  const byPath = new Map([...defaultDevices, ...own, ...asked].map((device) => [device.path, device]));
  return [...byPath.values()];
}

/** The devices asked for, with clean targets. Throws "invalid" for those that can't be. */
export function checkDevices(devices: readonly DeviceSpec[] = []): readonly DeviceSpec[] {
  return devices.map(({ source, target, access }) => {
    if (!source.startsWith("/") || source.includes("\0")) {
      throw refuse(`the device path ${quote(source)} is invalid, it needs to be an absolute path`);
    }
    if (!target.startsWith("/") || target.includes("\0") || cleanPath(target) === "/") {
      throw refuse(`the device path ${quote(target)} is invalid, it needs to be an absolute path`);
    }
    if (!/^[rwm]{1,3}$/.test(access)) throw refuse(`bad mode specified: ${quote(access)}`);
    return { source, target: cleanPath(target), access };
  });
}

const numberLimit = 2 ** 32;

/** Throws "invalid" for rules that can't be. */
export function checkDeviceRules(rules: readonly DeviceRuleSpec[] = []): readonly DeviceRuleSpec[] {
  for (const { type, major = 0, minor = 0, access } of rules) {
    const isNumber = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < numberLimit;
    if (
      !["a", "b", "c"].includes(type) ||
      !isNumber(major) ||
      !isNumber(minor) ||
      !/^[rwm]{1,3}$/.test(access)
    ) {
      throw refuse(`invalid device cgroup rule: ${quote(`${type} ${major}:${minor} ${access}`)}`);
    }
  }
  return rules;
}

/**
 * Combines devices and rules into one allow-list. On v1 a rule of the type "a" allows everything, regardless of its
 * other fields: a narrower one is applied to both types.
 */
export function resolveDeviceRules(
  found: readonly FoundDevice[],
  rules: readonly DeviceRuleSpec[],
): readonly DeviceRule[] {
  const nodes = found.flatMap(({ node, access }): readonly DeviceRule[] =>
    node.type === "p" || node.major === undefined || node.minor === undefined
      ? []
      : [{ type: node.type === "b" ? "b" : "c", major: node.major, minor: node.minor, access }],
  );
  const own = rules.flatMap((rule): readonly DeviceRule[] => {
    const allowsAll = rule.major === undefined && rule.minor === undefined && new Set(rule.access).size === 3;
    if (rule.type !== "a" || allowsAll) return [rule];
    return [
      { ...rule, type: "b" },
      { ...rule, type: "c" },
    ];
  });
  return [...nodes, ...own];
}
