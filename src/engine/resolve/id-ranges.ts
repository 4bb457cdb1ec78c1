import { Failure } from "../../base/failure.ts";
import type { IdPool } from "../../spec/id-pool.ts";
import { type IdMaps, plainIdMaps, usualIdCount } from "../../spec/id-map.ts";

/**
 * Within what systemd leaves to containers (docs: users, groups, UIDs and GIDs), above what login tools give to users.
 */
export const defaultIdPool: IdPool = { first: 0x1000_0000, count: 0x6000_0000 };

interface SubordinateIds extends IdPool {
  readonly owner: string;
}

/** SPEC: subuid(5), `name:first:count`; what is no such line is passed over, as shadow's tools do. */
export function parseSubordinateIds(text: string): readonly SubordinateIds[] {
  return text.split("\n").flatMap((line) => {
    const [, owner, first, count] = /^([^:#]+):(\d{1,10}):(\d{1,10})\s*$/.exec(line) ?? [];
    return owner === undefined ? [] : [{ owner, first: Number(first), count: Number(count) }];
  });
}

/**
 * Determines the pool of container IDs and the IDs in it that belong to others. The ranges of "tare" in the files are
 * the pool, if there are any; ranges of other users are never used.
 */
export function resolveIdPools(
  texts: { readonly subuid: string; readonly subgid: string },
  asked: IdPool | undefined,
): { readonly pools: readonly IdPool[]; readonly foreign: readonly IdPool[] } {
  const uids = parseSubordinateIds(texts.subuid);
  const gids = parseSubordinateIds(texts.subgid);
  const own = uids.filter(
    ({ owner, first, count }) =>
      owner === "tare" &&
      gids.some((other) => other.owner === "tare" && other.first === first && other.count === count),
  );
  const foreign = [...uids, ...gids].filter(({ owner }) => owner !== "tare");
  if (asked !== undefined) return { pools: [asked], foreign };
  return { pools: own.length > 0 ? own : [defaultIdPool], foreign };
}

/**
 * All that the files give to these users, from 0 on, one range after the other. Throws "invalid" when that is nothing.
 */
export function subordinateMaps(
  { uidsOf, gidsOf }: { readonly uidsOf: string; readonly gidsOf: string },
  readText: (path: string) => string,
): IdMaps {
  return { uids: rangesOf(uidsOf, "/etc/subuid", readText), gids: rangesOf(gidsOf, "/etc/subgid", readText) };
}

function rangesOf(owner: string, path: string, readText: (path: string) => string): IdMaps["uids"] {
  let containerID = 0;
  const ranges = parseSubordinateIds(readText(path))
    .filter((range) => range.owner === owner)
    .map(({ first, count }) => {
      const range = { containerID, hostID: first, size: count };
      containerID += count;
      return range;
    });
  if (ranges.length > 0) return ranges;
  throw new Failure(
    "invalid",
    `cannot find ids of "${owner.slice(0, 100)}" in ${path}: want a line ${owner.slice(0, 100)}:FIRST:COUNT`,
  );
}

/**
 * Picks 65,536 unused host IDs, for users and groups alike. `seed` sets where the search starts, so that several
 * engines on one host rarely pick the same IDs. Throws "exhausted".
 */
export function pickIdMaps(options: {
  readonly pools: readonly IdPool[];
  readonly foreign: readonly IdPool[];
  readonly taken: readonly IdMaps[];
  readonly seed: number;
}): IdMaps {
  const busy = [
    ...options.foreign,
    ...options.taken.flatMap(({ uids, gids }) =>
      [...uids, ...gids].map(({ hostID, size }) => ({ first: hostID, count: size })),
    ),
  ];
  for (const { first, count } of options.pools) {
    const paths = Math.floor(count / usualIdCount);
    const taken = new Set<number>();
    for (const range of busy) {
      const from = Math.max(0, Math.floor((range.first - first) / usualIdCount));
      const to = Math.min(paths - 1, Math.floor((range.first + range.count - 1 - first) / usualIdCount));
      for (let index = from; index <= to; index++) taken.add(index);
    }
    for (let i = 0; i < paths; i++) {
      const index = (options.seed + i) % paths;
      if (!taken.has(index)) return plainIdMaps(first + index * usualIdCount);
    }
  }
  throw new Failure(
    "exhausted",
    "cannot give the container user ids of its own: all of the pool are in use: remove containers, or give the engine more (--userns-pool, /etc/subuid)",
  );
}
