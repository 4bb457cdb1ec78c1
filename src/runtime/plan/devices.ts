import { posix } from "node:path";
import { Failure } from "../../base/failure.ts";
import { AT_SYMLINK_NOFOLLOW, S_IFBLK, S_IFCHR, S_IFIFO } from "../../linux/constants/open.ts";
import { errno } from "../../linux/kernel/errno.ts";
import { makeDevice } from "../../linux/files/stat.ts";
import type { RuntimeDevice } from "../../spec/runtime-config.ts";
import type { AttachedMounts } from "./attached-mounts.ts";
import { addLink } from "./mounts.ts";
import type { PlanArgument, PlanBlob, PlanList } from "./plan.ts";

/** The devices that each container has. SPEC: config-linux.md, Default Devices */
export const defaultDevices: readonly RuntimeDevice[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
].map(([name, major, minor]) => ({
  type: "c",
  path: `/dev/${name}`,
  major: Number(major),
  minor: Number(minor),
  fileMode: 0o666,
}));

const links: readonly (readonly [string, string])[] = [
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
  ["/dev/core", "/proc/kcore"],
  ["/dev/ptmx", "pts/ptmx"],
];

const typeBits: Readonly<Record<RuntimeDevice["type"], number>> = {
  c: S_IFCHR,
  u: S_IFCHR,
  b: S_IFBLK,
  p: S_IFIFO,
};

/** Adds the default devices, unless another device is requested at the same path. */
export function withDefaultDevices(devices: readonly RuntimeDevice[]): readonly RuntimeDevice[] {
  const asked = new Set(devices.map((device) => device.path));
  return [...defaultDevices.filter(({ path }) => !asked.has(path)), ...devices];
}

/** For mknod(2). */
export function deviceNumber({ major = 0, minor = 0 }: RuntimeDevice): number {
  return makeDevice(major, minor);
}

/** For mknod(2): kind and permissions. */
export function deviceMode({ type, fileMode = 0o666 }: RuntimeDevice): number {
  return (typeBits[type] ?? S_IFCHR) | fileMode;
}

/** Makes the default devices, those asked for, and the usual links. */
export function addDevices(
  list: PlanList,
  blob: PlanBlob,
  attached: AttachedMounts,
  devices: readonly RuntimeDevice[],
): void {
  const parents = new Map<string, PlanArgument>();
  const parentOf = (path: string): PlanArgument => {
    const directory = posix.dirname(path);
    let parent = parents.get(directory);
    if (parent === undefined) {
      parent = attached.addOpenDirectory(list, blob, directory, `make the directory "${directory}"`);
      parents.set(directory, parent);
    }
    return parent;
  };
  for (const device of withDefaultDevices(devices)) addDevice(list, parentOf(device.path), device);
  addDeviceLinks(list, blob, attached);
}

/** The usual links of /dev. */
export function addDeviceLinks(list: PlanList, blob: PlanBlob, attached: AttachedMounts): void {
  for (const [path, target] of links) addLink(list, blob, attached, path, target);
}

function addDevice(list: PlanList, parent: PlanArgument, device: RuntimeDevice): void {
  const about = `make the device "${device.path}"`;
  const name = posix.basename(device.path);
  if (name === "" || name === "." || name === "..")
    throw new Failure("invalid", `cannot ${about}: it has no name`);
  list.add(about, "mknodat", [parent, name, deviceMode(device), deviceNumber(device)], {
    skip: { errors: [errno.EEXIST], count: 1 },
  });
  list.add(about, "fchownat", [parent, name, device.uid ?? 0, device.gid ?? 0, AT_SYMLINK_NOFOLLOW]);
}
