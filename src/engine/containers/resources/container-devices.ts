import { type DeviceRule, defaultDeviceRules } from "../../../linux/cgroup/device-rules.ts";
import type { RuntimeDevice } from "../../../spec/runtime-config.ts";
import type { HostPart } from "../../dependencies.ts";
import { type FoundDevice, resolveDeviceRules } from "../../resolve/devices.ts";
import type { ResolvedContainer } from "../../resolve/container.ts";

/** The devices that were asked for, looked up on the host. Throws "invalid" in Docker's words. */
export function findDevices(host: HostPart, { devices }: ResolvedContainer): readonly FoundDevice[] {
  return devices.flatMap(({ source, target, access }) =>
    host.findDevices(source).map(({ node, below }) => ({
      node: { ...node, path: `${target}${below}` },
      access,
    })),
  );
}

/** The device nodes in a container's /dev, and the devices that it may use (absent: all). */
export function deviceFacts(
  host: HostPart,
  {
    plan,
    privileged,
    injected = [],
  }: {
    readonly plan: ResolvedContainer;
    readonly privileged: boolean;
    /** Of device requests. */
    readonly injected?: readonly FoundDevice[] | undefined;
  },
): {
  readonly hostDevices: readonly RuntimeDevice[];
  readonly devices: readonly RuntimeDevice[];
  readonly rules?: readonly DeviceRule[] | undefined;
} {
  const found = [...findDevices(host, plan), ...injected];
  const devices = found.map(({ node }) => node);
  if (privileged) return { hostDevices: host.listDevices(), devices };
  const rules = resolveDeviceRules(found, plan.deviceRules);
  return {
    hostDevices: [],
    devices,
    rules: rules.length === 0 ? defaultDeviceRules : [...defaultDeviceRules, ...rules],
  };
}
