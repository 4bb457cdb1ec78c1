import { type CgroupHierarchy, type CgroupLayout, directoryNameOf, hierarchiesOf } from "./layout.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from "../constants/mount.ts";
import type { FilesystemParameter } from "../mount/mount.ts";

/** One step of making a container's /sys/fs/cgroup, in order. The target's directory is made when absent. */
export type CgroupMount =
  | {
      readonly kind: "filesystem";
      readonly type: "tmpfs" | "cgroup" | "cgroup2";
      readonly target: string;
      readonly parameters: readonly FilesystemParameter[];
      /** MOUNT_ATTR_* */
      readonly attributes: number;
    }
  /** Of a host directory, for a container that shares the host's cgroup namespace. */
  | { readonly kind: "bind"; readonly source: string; readonly target: string; readonly attributes: number }
  | { readonly kind: "symlink"; readonly path: string; readonly to: string }
  /** The mount at `target` gets these attributes at last: nothing can be made in it from then on. */
  | { readonly kind: "seal"; readonly target: string; readonly attributes: number };

const hardened = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

export interface CgroupMountOptions {
  /**
   * "private": mounts made by a process that has joined its cgroup and *then* unshared its namespace show that
   * cgroup as the root. "host": the container's own directory of each v1 hierarchy, and the whole of v2.
   */
  readonly namespace: "private" | "host";
  /** As Cgroup.path. */
  readonly path: string;
  /**
   * Only for a privileged container. "systemd": the hierarchy that systemd manages (its own of v1, v2), no limits of
   * v1.
   */
  readonly writable?: boolean | "systemd" | undefined;
  /** Default `/sys/fs/cgroup`. */
  readonly target?: string | undefined;
}

/** Plans /sys/fs/cgroup in a container: one cgroup2, or a tmpfs with a directory for each hierarchy. Pure. */
export function planCgroupMounts(layout: CgroupLayout, options: CgroupMountOptions): CgroupMount[] {
  const { writable = false, target = "/sys/fs/cgroup" } = options;
  const attributesOf = (hierarchy: CgroupHierarchy): number =>
    writable === true || (writable === "systemd" && isSystemds(hierarchy))
      ? hardened
      : hardened | MOUNT_ATTR_RDONLY;
  if (layout.v1.length === 0) {
    return layout.v2 === undefined ? [] : [planOne(layout.v2, target, attributesOf(layout.v2), options)];
  }
  return [
    { kind: "filesystem", type: "tmpfs", target, parameters: [["mode", "0755"]], attributes: hardened },
    ...hierarchiesOf(layout).map((hierarchy) =>
      planOne(hierarchy, `${target}/${directoryNameOf(hierarchy)}`, attributesOf(hierarchy), options),
    ),
    ...planLinks(layout, target),
    { kind: "seal", target, attributes: MOUNT_ATTR_RDONLY },
  ];
}

function isSystemds(hierarchy: CgroupHierarchy): boolean {
  return hierarchy.version === 2 || hierarchy.name === "systemd";
}

function planOne(
  hierarchy: CgroupHierarchy,
  target: string,
  attributes: number,
  options: CgroupMountOptions,
): CgroupMount {
  if (hierarchy.version === 2) {
    return { kind: "filesystem", type: "cgroup2", target, parameters: [], attributes };
  }
  if (options.namespace === "host") {
    return { kind: "bind", source: `${hierarchy.mountPath}/${options.path}`, target, attributes };
  }
  // Without "none" the kernel takes a bare name for a wish to have every controller.
  const parameters: FilesystemParameter[] = hierarchy.controllers.map((controller) => [controller, true]);
  if (hierarchy.controllers.length === 0) parameters.push(["none", true]);
  if (hierarchy.name !== undefined) parameters.push(["name", hierarchy.name]);
  return { kind: "filesystem", type: "cgroup", target, parameters, attributes };
}

/** `cpu` and `cpuacct` for a hierarchy `cpu,cpuacct`: programs look for a controller by its name. */
function planLinks(layout: CgroupLayout, target: string): CgroupMount[] {
  return layout.v1.flatMap((hierarchy) => {
    const directory = directoryNameOf(hierarchy);
    return hierarchy.controllers
      .filter((controller) => controller !== directory)
      .map(
        (controller): CgroupMount => ({ kind: "symlink", path: `${target}/${controller}`, to: directory }),
      );
  });
}
