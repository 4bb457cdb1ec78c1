import { trySetOutOfMemoryScore, writeIdMaps } from "../linux/user-namespace.ts";
import { type ResourceLimit, setResourceLimit } from "../linux/rlimit.ts";
import { Failure } from "../base/failure.ts";
import { findHostId, type IdMaps } from "../spec/id-map.ts";
import type { RuntimeConfig, RuntimeProcess } from "../spec/runtime-config.ts";

/** The ids of the configuration's user namespace; undefined without one. */
export function idMapsOf({ linux }: RuntimeConfig): IdMaps | undefined {
  const { uidMappings: uids = [], gidMappings: gids = [] } = linux;
  return uids.length === 0 && gids.length === 0 ? undefined : { uids, gids };
}

/** The host's id of the user that a process runs as. Throws "invalid" when the user namespace has no such user. */
export function hostUserOf({ user }: RuntimeProcess, { uids, gids }: IdMaps): number {
  const uid = findHostId(uids, user.uid);
  const groups = [user.gid, ...(user.additionalGids ?? [])];
  const missing = groups.find((gid) => findHostId(gids, gid) === undefined);
  if (uid !== undefined && missing === undefined) return uid;
  const what = uid === undefined ? `user ${user.uid}` : `group ${missing}`;
  throw new Failure("invalid", `cannot run as ${what}: the container's user namespace has no such id`);
}

/**
 * What a child in a new user namespace can't do for itself, done while it waits at the barrier "born": its ids, limits that
 * only the host's root may raise, and its score.
 */
export function equipNewborn(
  pid: number,
  {
    maps,
    limits,
    oomScoreAdj,
  }: {
    readonly maps: IdMaps;
    readonly limits: readonly ResourceLimit[];
    readonly oomScoreAdj: number | undefined;
  },
): void {
  writeIdMaps(pid, maps);
  for (const limit of limits) setResourceLimit(limit, pid);
  if (oomScoreAdj !== undefined) trySetOutOfMemoryScore(pid, oomScoreAdj);
}
