import type { MountPoint } from "../../api/types/container.ts";
import type { ContainerMount } from "../../engine/types.ts";

/** A row of `Mounts`. Docker lists a tmpfs only when it came from --mount; we list every one. */
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
