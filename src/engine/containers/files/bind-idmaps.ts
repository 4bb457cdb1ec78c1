import { statSync } from "node:fs";
import { within } from "../../../base/failure.ts";
import { findHostId, type IdMaps } from "../../../spec/id-map.ts";
import type { ResolvedUser } from "../../../spec/passwd.ts";
import type { ContainerMount } from "../../../model/mounts.ts";

/**
 * The ID mapping of each bind with `idmap`, by target: the source's owner on the host appears as the container's user,
 * and no other owner is mapped.
 */
export function decideIdmaps(
  mounts: readonly ContainerMount[],
  { user, idMaps }: { readonly user: ResolvedUser; readonly idMaps: IdMaps | undefined },
): ReadonlyMap<string, IdMaps> {
  const found = new Map<string, IdMaps>();
  for (const mount of mounts) {
    if (mount.kind !== "bind" || mount.idmap === undefined) continue;
    const owner = mount.idmap === true ? ownerOf(mount.source) : mount.idmap;
    // A user without a number in the namespace is refused where the process is made.
    const uid = idMaps === undefined ? user.uid : (findHostId(idMaps.uids, user.uid) ?? 0);
    const gid = idMaps === undefined ? user.gid : (findHostId(idMaps.gids, user.gid) ?? 0);
    found.set(mount.target, {
      uids: [{ containerID: owner.uid, hostID: uid, size: 1 }],
      gids: [{ containerID: owner.gid, hostID: gid, size: 1 }],
    });
  }
  return found;
}

function ownerOf(source: string): { readonly uid: number; readonly gid: number } {
  try {
    return statSync(source);
  } catch (thrown) {
    throw within(`cannot find the owner of the bind source "${source}"`, thrown);
  }
}
