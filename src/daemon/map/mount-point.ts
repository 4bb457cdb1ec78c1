import type { MountPoint } from "../../api/types/container.ts";
import type { ContainerMount } from "../../engine/types.ts";

/** A row of `Mounts`. Docker lists a tmpfs only when it came from --mount; we list every one. */
export function mountPointOf(mount: ContainerMount): MountPoint {
  switch (mount.kind) {
    case "bind":
      return {
        Type: "bind",
        Source: mount.source,
        Destination: mount.target,
        Mode: mount.readonly === true ? "ro" : "",
        RW: mount.readonly !== true,
        Propagation: mount.propagation ?? "rprivate",
      };
    case "tmpfs":
      return {
        Type: "tmpfs",
        Source: "",
        Destination: mount.target,
        Mode: mount.options ?? "",
        RW: !(mount.options ?? "").split(",").includes("ro"),
        Propagation: "",
      };
    default:
      return mount satisfies never;
  }
}
