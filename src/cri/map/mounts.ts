import { Failure } from "../../base/failure.ts";
import type { CriMount } from "../../model/cri.ts";
import type { ContainerMount } from "../../model/mounts.ts";
import type { Message, Reply } from "../codings.ts";
import { propagations } from "./enums.ts";

type Mount = Message<"Mount">;

const engineWords = {
  private: "rprivate",
  "host-to-container": "rslave",
  bidirectional: "rshared",
} as const;

/** Throws "invalid" for a mount that can't work, "unsupported" for one that the engine does not have. */
export function mountOf(mount: Mount): ContainerMount {
  const target = mount.container_path;
  if (!target.startsWith("/")) throw refuse(mount, "container_path is not absolute");
  if (mount.mount_options.length > 0) throw unsupported(mount, "mount_options");
  if (mount.image !== null && mount.image.image !== "") {
    if (mount.host_path !== "") throw refuse(mount, "image and host_path are both set");
    const subpath = mount.image_sub_path === "" ? undefined : mount.image_sub_path;
    return { kind: "image", target, image: mount.image.image, subpath, readonly: true };
  }
  if (!mount.host_path.startsWith("/")) throw refuse(mount, "host_path is not absolute");
  if (mount.uidMappings.length > 0 || mount.gidMappings.length > 0) throw unsupported(mount, "ID mappings");
  const propagation = propagationOf(mount);
  if (mount.recursive_read_only && (!mount.readonly || propagation !== "private"))
    throw refuse(mount, "recursive_read_only needs readonly and private propagation");
  return {
    kind: "bind",
    source: mount.host_path,
    target,
    readonly: mount.readonly,
    readonlyBelow: mount.readonly ? mount.recursive_read_only : undefined,
    propagation: engineWords[propagation],
    createSource: true,
  };
}

/** For status reports. */
export function recordedMount(mount: Mount): CriMount {
  return {
    containerPath: mount.container_path,
    hostPath: mount.host_path,
    readonly: mount.readonly,
    recursiveReadOnly: mount.recursive_read_only,
    propagation: propagationOf(mount),
    image: mount.image === null ? undefined : mount.image.image,
    imageSubPath: mount.image_sub_path === "" ? undefined : mount.image_sub_path,
  };
}

export function encodeMount(mount: CriMount): Reply<"Mount"> {
  return {
    container_path: mount.containerPath,
    host_path: mount.hostPath,
    readonly: mount.readonly,
    recursive_read_only: mount.recursiveReadOnly,
    propagation: propagations.indexOf(mount.propagation),
    image: mount.image === undefined ? undefined : { image: mount.image },
    image_sub_path: mount.imageSubPath ?? "",
  };
}

function propagationOf(mount: Mount): CriMount["propagation"] {
  const found = propagations[mount.propagation];
  if (found !== undefined) return found;
  throw refuse(mount, `the propagation ${mount.propagation} is unknown`);
}

function refuse({ container_path: path }: Mount, reason: string): Failure {
  return new Failure("invalid", `cannot mount at "${path.slice(0, 300)}": ${reason}`);
}

function unsupported({ container_path: path }: Mount, what: string): Failure {
  return new Failure("unsupported", `cannot mount at "${path.slice(0, 300)}": ${what} are not supported`);
}
