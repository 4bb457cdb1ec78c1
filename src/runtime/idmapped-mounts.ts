import { Failure } from "../base/failure.ts";
import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import type { IdMaps } from "../spec/id-map.ts";
import type { RuntimeConfig, RuntimeMount } from "../spec/runtime-config.ts";
import { idMapsOf } from "./child-setup.ts";
import type { StartOptions } from "./types.ts";

/**
 * Whether, and how deep, a bind shows other owners than those on its file system. SPEC: config.md, Linux mount options
 */
export function idmapDepth({ options = [] }: RuntimeMount): "none" | "top" | "all" {
  if (options.includes("ridmap")) return "all";
  return options.includes("idmap") ? "top" : "none";
}

/** The user namespaces that idmapped mounts take their ids from, by mount; `opened` takes them. */
export async function openIdmaps(
  config: RuntimeConfig,
  { openUserNamespace }: Pick<StartOptions, "openUserNamespace">,
  opened: DisposableStack,
): Promise<ReadonlyMap<RuntimeMount, Fd>> {
  const found = new Map<RuntimeMount, Fd>();
  for (const mount of config.mounts) {
    if (idmapDepth(mount) === "none") continue;
    const maps = mapsOf(mount, config);
    if (openUserNamespace === undefined || maps === undefined) {
      throw new Failure(
        "invalid",
        `cannot map the owners of the mount at "${mount.destination}": it has no ids, and the container no user namespace`,
      );
    }
    const namespace: OwnedFd = opened.use(await openUserNamespace(maps));
    found.set(mount, namespace.fd);
  }
  return found;
}

function mapsOf(mount: RuntimeMount, config: RuntimeConfig): IdMaps | undefined {
  const { uidMappings: uids = [], gidMappings: gids = [] } = mount;
  return uids.length === 0 && gids.length === 0 ? idMapsOf(config) : { uids, gids };
}
