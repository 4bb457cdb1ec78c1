import { posix } from "node:path";
import type { MountPoint } from "../../api/types/container.ts";
import type { HostConfig } from "../../api/types/host-config.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerMount } from "../../model/mounts.ts";

/**
 * `Mounts` of a container, as dockerd lists them: a tmpfs of `HostConfig.Tmpfs` is shown there alone, and an anonymous
 * volume of `HostConfig.Mounts` has the mode of a named one.
 */
export function mountPointsOf(
  mounts: readonly ContainerMount[],
  { received }: Pick<ContainerSpec, "received">,
): readonly MountPoint[] {
  const { Tmpfs, Mounts } = (received?.hostConfig ?? {}) as HostConfig;
  const asTmpfs = new Set(Object.keys(Tmpfs ?? {}).map(plainPath));
  const asMounts = new Set((Mounts ?? []).map(({ Target = "" }) => plainPath(Target)));
  return mounts
    .filter(({ kind, target }) => kind !== "tmpfs" || !asTmpfs.has(target))
    .map((mount) =>
      mountPointOf(
        mount.kind === "volume" && asMounts.has(mount.target) ? { ...mount, anonymous: false } : mount,
      ),
    );
}

/** The target that a path stands for: those of mounts are clean. */
function plainPath(path: string): string {
  return posix.resolve("/", path);
}

/** A row of `Mounts`. */
export function mountPointOf(mount: ContainerMount): MountPoint {
  const { target: Destination, readonly = false, mode = "" } = mount;
  switch (mount.kind) {
    case "bind":
      return {
        Type: "bind",
        Source: mount.source,
        Destination,
        Mode: mode,
        RW: !readonly,
        Propagation: mount.propagation ?? "rprivate",
      };
    case "volume":
      return {
        Type: "volume",
        Name: mount.name ?? "",
        Source: mount.mountpoint ?? "",
        Destination,
        Driver: "local",
        // "z" stands there in Docker for every volume that has a name.
        Mode: mode === "" && mount.anonymous !== true ? "z" : mode,
        RW: !readonly,
        Propagation: "",
      };
    case "image":
      return {
        Type: "image",
        Name: mount.imageId ?? "",
        Source: mount.image,
        Destination,
        Mode: "",
        RW: false,
        Propagation: "",
      };
    case "tmpfs":
      return {
        Type: "tmpfs",
        Source: "",
        Destination,
        Mode: mount.options ?? "",
        RW: !readonly && !(mount.options ?? "").split(",").includes("ro"),
        Propagation: "",
      };
    default:
      return mount satisfies never;
  }
}
