import { trySetOutOfMemoryScore, writeIdMaps } from "../linux/namespaces/user-namespace.ts";
import { readResourceLimit, type ResourceLimit, setResourceLimit } from "../linux/process/rlimit.ts";
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

/** The limits that only the host's root may set: increased hard ones, with the soft ones as they are. */
export function raisesOf(limits: readonly ResourceLimit[]): readonly ResourceLimit[] {
  return limits.flatMap((limit): readonly ResourceLimit[] => {
    const present = readResourceLimit(limit.resource);
    const isHigher = present.hard !== -1 && (limit.hard === -1 || limit.hard > present.hard);
    return isHigher ? [{ ...present, hard: limit.hard }] : [];
  });
}

/**
 * Performs the steps that a child in a user namespace cannot perform itself, while it waits at the barrier "born": its
 * IDs, limits that only the host's root may raise, and its OOM score.
 */
export function setUpChild(
  pid: number,
  {
    maps,
    limits,
    oomScoreAdj,
  }: {
    /** Of a new user namespace. */
    readonly maps?: IdMaps | undefined;
    readonly limits: readonly ResourceLimit[];
    readonly oomScoreAdj: number | undefined;
  },
): void {
  if (maps !== undefined) writeIdMaps(pid, maps);
  for (const limit of raisesOf(limits)) setResourceLimit(limit, pid);
  if (oomScoreAdj !== undefined) trySetOutOfMemoryScore(pid, oomScoreAdj);
}
