import { mergeDefined } from "../../base/defined.ts";
import type {
  BlockDeviceSpec,
  ContainerLimits,
  BlockDeviceLimits,
  CgroupLimits,
} from "../../model/limits.ts";

/** The limits with numbers of block devices in the place of their paths; `find` throws where there is none. */
export function cgroupLimitsOf(
  { blockIo, ...others }: ContainerLimits,
  find: (path: string) => { readonly major: number; readonly minor: number },
): CgroupLimits {
  if (blockIo === undefined) return others;
  const { devices, ...rest } = blockIo;
  const found = devices?.map(({ path, ...rates }): BlockDeviceLimits => ({ ...find(path), ...rates }));
  return { ...others, blockIo: { ...rest, devices: found } };
}

/** When a device is in both, each rate of the second list replaces that of the first. */
export function mergeBlockIo(
  before: ContainerLimits["blockIo"],
  asked: ContainerLimits["blockIo"],
): ContainerLimits["blockIo"] {
  if (before === undefined || asked === undefined) return asked ?? before;
  const devices = new Map<string, BlockDeviceSpec>();
  for (const device of [...(before.devices ?? []), ...(asked.devices ?? [])]) {
    devices.set(device.path, mergeDefined(devices.get(device.path) ?? device, device));
  }
  return mergeDefined(before, asked, { devices: devices.size === 0 ? undefined : [...devices.values()] });
}
