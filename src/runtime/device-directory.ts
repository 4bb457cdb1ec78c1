import { posix } from "node:path";
import { Failure, within } from "../base/failure.ts";
import { AT_SYMLINK_NOFOLLOW } from "../linux/constants/open.ts";
import { ensureDirectoryInRoot } from "../linux/files/ensure-directory.ts";
import type { OwnedFd } from "../linux/kernel/fd.ts";
import { createFilesystem } from "../linux/mount/mount.ts";
import { parseMountOptions } from "../linux/mount/mount-options.ts";
import { call } from "../linux/kernel/syscall.ts";
import { findHostId, hostRootOf, type IdMaps } from "../spec/id-map.ts";
import type { RuntimeDevice, RuntimeMount } from "../spec/runtime-config.ts";
import { deviceNumber, deviceMode, withDefaultDevices } from "./plan/devices.ts";

/**
 * Creates /dev for a container with a user namespace, with all its devices. KERNEL: a file system that is created in a
 * user namespace has no devices, and no process there may create one. Detached; the caller disposes of it.
 */
export function makeDeviceDirectory(
  mount: RuntimeMount,
  { devices, maps }: { readonly devices: readonly RuntimeDevice[]; readonly maps: IdMaps },
): OwnedFd {
  const { attributes, parameters } = parseMountOptions(mount.options ?? []);
  const owner = { mode: 0o755, ...hostRootOf(maps) };
  using undo = new DisposableStack();
  const made = undo.use(
    createFilesystem("tmpfs", [["uid", String(owner.uid)], ["gid", String(owner.gid)], ...parameters], {
      attributes,
      source: mount.source ?? "tmpfs",
    }),
  );
  for (const device of withDefaultDevices(devices)) {
    try {
      using parent = ensureDirectoryInRoot(made.fd, belowDev(posix.dirname(device.path)), owner);
      const name = posix.basename(device.path);
      call("mknodat", parent.fd, name, deviceMode(device), deviceNumber(device));
      call("fchmodat", parent.fd, name, device.fileMode ?? 0o666); // not cut by a mask of this process
      const uid = findHostId(maps.uids, device.uid ?? 0) ?? owner.uid;
      const gid = findHostId(maps.gids, device.gid ?? 0) ?? owner.gid;
      call("fchownat", parent.fd, name, uid, gid, AT_SYMLINK_NOFOLLOW);
    } catch (thrown) {
      throw within(`cannot make the device "${device.path}"`, thrown);
    }
  }
  undo.move();
  return made;
}

function belowDev(path: string): string {
  const clean = posix.resolve("/", path);
  if (clean === "/dev") return "";
  if (clean.startsWith("/dev/")) return clean.slice("/dev/".length);
  throw new Failure("unsupported", "with a user namespace devices can only be made below /dev");
}
