import { Failure } from "../base/failure.ts";

/** A range of ids in a user namespace and on the host. SPEC: OCI config-linux.md, User namespace mappings */
export interface IdRange {
  /** The first, as the container sees it. */
  readonly containerID: number;
  /** The first, as the host sees it. */
  readonly hostID: number;
  readonly size: number;
}

/** How users and groups of a user namespace are known on the host. */
export interface IdMaps {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

/** The IDs of a whole system: root, its services, 16-bit users, `nobody`. */
export const usualIdCount = 65_536;
/** KERNEL: UID_GID_MAP_MAX_EXTENTS, since 4.15. */
const mostRanges = 340;
const highestId = 2 ** 32 - 2;
/** The kernel's replacement for an id that is not mapped in a namespace. */
export const overflowId = 65_534;

/** The host's number of a container's id; undefined when it has none. */
export function findHostId(ranges: readonly IdRange[], id: number): number | undefined {
  const range = ranges.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return range === undefined ? undefined : range.hostID + (id - range.containerID);
}

/** The container's number of a host's id; undefined when it has none. */
export function findContainerId(ranges: readonly IdRange[], id: number): number | undefined {
  const range = ranges.find(({ hostID, size }) => id >= hostID && id < hostID + size);
  return range === undefined ? undefined : range.containerID + (id - range.hostID);
}

/** An owner as a container sees it; an unmapped owner is shown as `nobody`, as the kernel does. */
export function toContainerOwner(
  { uid, gid }: { readonly uid: number; readonly gid: number },
  { uids, gids }: IdMaps,
): { readonly uid: number; readonly gid: number } {
  return { uid: findContainerId(uids, uid) ?? overflowId, gid: findContainerId(gids, gid) ?? overflowId };
}

/** An owner as the host sees it; an unmapped owner of the container is `nobody` on the host. */
export function toHostOwner(
  { uid, gid }: { readonly uid: number; readonly gid: number },
  { uids, gids }: IdMaps,
): { readonly uid: number; readonly gid: number } {
  return { uid: findHostId(uids, uid) ?? overflowId, gid: findHostId(gids, gid) ?? overflowId };
}

/** The container's root user as an ID of the host: the owner of the container's own files. */
export function hostRootOf(maps: IdMaps): { readonly uid: number; readonly gid: number } {
  return toHostOwner({ uid: 0, gid: 0 }, maps);
}

/** One range for users and groups alike. */
export function plainIdMaps(hostID: number, size: number = usualIdCount): IdMaps {
  const ranges = [{ containerID: 0, hostID, size }];
  return { uids: ranges, gids: ranges };
}

/** As uid_map of user_namespaces(7) wants it. */
export function formatIdMap(ranges: readonly IdRange[]): string {
  return ranges.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

/** `CONTAINER:HOST[:SIZE]`, as podman's `--uidmap` has it. Throws "invalid". */
export function parseIdRange(text: string): IdRange {
  const [, container, host, size = "1"] = /^(\d{1,10}):(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  if (container === undefined || host === undefined) {
    throw new Failure(
      "invalid",
      `invalid id map "${text.slice(0, 60)}": want CONTAINER:HOST:SIZE, as 0:100000:65536`,
    );
  }
  return { containerID: Number(container), hostID: Number(host), size: Number(size) };
}

export function formatIdRange({ containerID, hostID, size }: IdRange): string {
  return `${containerID}:${hostID}:${size}`;
}

/** Throws "invalid" for maps that the kernel would refuse, or in which a container has no root. */
export function checkIdMaps({ uids, gids }: IdMaps): void {
  for (const [what, ranges] of [
    ["user", uids],
    ["group", gids],
  ] as const) {
    if (ranges.length === 0) throw new Failure("invalid", `invalid id map: it has no ${what} ids`);
    if (ranges.length > mostRanges) {
      throw new Failure(
        "invalid",
        `invalid id map: ${ranges.length} ranges of ${what} ids, the kernel takes ${mostRanges}`,
      );
    }
    for (const [i, range] of ranges.entries()) {
      const { containerID, hostID, size } = range;
      const numbers = [containerID, hostID, size];
      if (!numbers.every(Number.isSafeInteger) || size < 1 || containerID < 0 || hostID < 0) {
        throw new Failure("invalid", `invalid id map "${formatIdRange(range)}": a range has at least one id`);
      }
      if (Math.max(containerID, hostID) + size - 1 > highestId) {
        throw new Failure("invalid", `invalid id map "${formatIdRange(range)}": ids go up to ${highestId}`);
      }
      for (const other of ranges.slice(0, i)) {
        const isDouble =
          overlap(containerID, other.containerID, { size, otherSize: other.size }) ||
          overlap(hostID, other.hostID, { size, otherSize: other.size });
        if (isDouble) {
          throw new Failure(
            "invalid",
            `invalid id map: the ${what} ids ${formatIdRange(other)} and ${formatIdRange(range)} overlap`,
          );
        }
      }
    }
    if (findHostId(ranges, 0) === undefined) {
      throw new Failure("invalid", `invalid id map: the container has no ${what} id 0`);
    }
  }
}

/** Whether two maps give host ids of the same kind to both. */
export function findSharedIds(maps: IdMaps, others: IdMaps): IdRange | undefined {
  for (const kind of ["uids", "gids"] as const) {
    for (const range of maps[kind]) {
      const isShared = others[kind].some((other) =>
        overlap(range.hostID, other.hostID, { size: range.size, otherSize: other.size }),
      );
      if (isShared) return range;
    }
  }
  return undefined;
}

function overlap(
  first: number,
  otherFirst: number,
  { size, otherSize }: { readonly size: number; readonly otherSize: number },
): boolean {
  return first < otherFirst + otherSize && otherFirst < first + size;
}
