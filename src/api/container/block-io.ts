import { mergeDefined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type { Resources } from "../types/host-config.ts";
import type { BlockDeviceSpec, ContainerLimits } from "../../model/limits.ts";

type BlockIo = NonNullable<ContainerLimits["blockIo"]>;

const rates = [
  ["BlkioDeviceReadBps", "readBps"],
  ["BlkioDeviceWriteBps", "writeBps"],
  ["BlkioDeviceReadIOps", "readIops"],
  ["BlkioDeviceWriteIOps", "writeIops"],
] as const;

/** Docker has a list for each kind of limit; here each device has its own. Undefined: nothing is asked for. */
export function parseBlockIo(resources: Resources): BlockIo | undefined {
  const devices = new Map<string, BlockDeviceSpec>();
  const add = (field: string, path: string | undefined, more: Partial<BlockDeviceSpec>): void => {
    if (path === undefined || !path.startsWith("/") || path.includes("\0"))
      throw new Failure("invalid", `cannot read ${field}: Path must be the absolute path of a block device`);
    devices.set(path, mergeDefined({ ...devices.get(path), path }, more));
  };
  for (const { Path, Weight = 0 } of resources.BlkioWeightDevice ?? [])
    add("BlkioWeightDevice", Path, { weight: Weight });
  for (const [from, to] of rates) {
    for (const { Path, Rate = 0 } of resources[from] ?? []) add(from, Path, { [to]: Rate });
  }
  const { BlkioWeight: weight = 0 } = resources;
  if (weight === 0 && devices.size === 0) return undefined;
  return {
    weight: weight === 0 ? undefined : weight,
    devices: devices.size === 0 ? undefined : [...devices.values()],
  };
}

/** The way back: the fields of Docker for these limits, lists in the order of the devices. */
export function formatBlockIo({ weight, devices = [] }: BlockIo): Resources {
  const weights = devices.flatMap(({ path, weight: own }) =>
    own === undefined ? [] : [{ Path: path, Weight: own }],
  );
  const lists = rates.map(([name, rate]) => {
    const items = devices.flatMap(({ path, [rate]: value }) =>
      value === undefined ? [] : [{ Path: path, Rate: value }],
    );
    return [name, items] as const;
  });
  return {
    BlkioWeight: weight,
    BlkioWeightDevice: weights.length === 0 ? undefined : weights,
    ...Object.fromEntries(lists.filter(([, items]) => items.length > 0)),
  };
}
