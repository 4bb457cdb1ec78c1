import type { Complete } from "../../../base/defined.ts";
import { Failure } from "../../../base/failure.ts";
import {
  findContainerId,
  findHostId,
  type IdMaps,
  type IdRange,
  toContainerOwner,
} from "../../../spec/id-map.ts";

interface Owned {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

type Attributes = ReadonlyMap<string, Uint8Array>;
type Shift = (ranges: readonly IdRange[], id: number) => number | undefined;

const capabilityName = "security.capability";
const aclNames: readonly string[] = ["system.posix_acl_access", "system.posix_acl_default"];

/** Owners of files of a container with a user namespace, as an archive has them: the container's own numbers. */
export function withContainerOwner<T extends Owned>(member: T, maps: IdMaps): T {
  return { ...member, ...toContainerOwner({ uid: member.uid ?? 0, gid: member.gid ?? 0 }, maps) };
}

/** The way back. Throws "invalid" for an owner that the container has no number for. */
export function withHostOwner<T extends Complete<Owned>>(entry: T, { uids, gids }: IdMaps): T {
  const uid = findHostId(uids, entry.uid);
  const gid = findHostId(gids, entry.gid);
  if (uid === undefined || gid === undefined) {
    throw new Failure(
      "invalid",
      `it belongs to ${entry.uid}:${entry.gid}, which the container's user namespace has no id for`,
    );
  }
  return { ...entry, uid, gid };
}

/**
 * Attributes that contain IDs, as an archive stores them. File capabilities from the container's root become those of
 * any root; entries without an ID in the container are left out.
 */
export function withContainerAttributes(xattrs: Attributes, maps: IdMaps): Map<string, Uint8Array> {
  return shiftAttributes(xattrs, { maps, shift: findContainerId });
}

/** The way back: file capabilities count for the container's root only. */
export function withHostAttributes(xattrs: Attributes, maps: IdMaps): Map<string, Uint8Array> {
  return shiftAttributes(xattrs, { maps, shift: findHostId });
}

function shiftAttributes(
  xattrs: Attributes,
  { maps, shift }: { readonly maps: IdMaps; readonly shift: Shift },
): Map<string, Uint8Array> {
  const shifted = new Map<string, Uint8Array>();
  for (const [name, value] of xattrs) {
    const changed =
      name === capabilityName
        ? shiftCapability(value, (id) => shift(maps.uids, id))
        : aclNames.includes(name)
          ? shiftAcl(value, { maps, shift })
          : value;
    if (changed !== undefined) shifted.set(name, changed);
  }
  return shifted;
}

// SPEC: struct vfs_ns_cap_data of linux/capability.h: u32 revision and flags, two pairs of u32; since revision 3: u32
// root.
const revisionMask = 0xff00_0000;
const revision2 = 0x0200_0000;
const revision3 = 0x0300_0000;
const bytes2 = 20;

function shiftCapability(
  value: Uint8Array,
  shift: (id: number) => number | undefined,
): Uint8Array | undefined {
  const old = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < bytes2) return value;
  const head = old.getUint32(0, true);
  const revision = head & revisionMask;
  if (revision !== revision2 && revision !== revision3) return value;
  const isHost = revision === revision2;
  if (!isHost && value.length < bytes2 + 4) return undefined;
  const root = shift(isHost ? 0 : old.getUint32(bytes2, true));
  // Without a namespace's root in it, it already is one of any root: an archive's, or a file's that the host gave.
  if (root === undefined) return isHost ? value : undefined;
  if (root === 0)
    return withRevision(new Uint8Array(value.subarray(0, bytes2)), (head & ~revisionMask) | revision2);
  const longer = new Uint8Array(bytes2 + 4);
  longer.set(value.subarray(0, bytes2));
  new DataView(longer.buffer).setUint32(bytes2, root, true);
  return withRevision(longer, (head & ~revisionMask) | revision3);
}

function withRevision(value: Uint8Array, head: number): Uint8Array {
  new DataView(value.buffer, value.byteOffset).setUint32(0, head >>> 0, true);
  return value;
}

// SPEC: struct posix_acl_xattr_header and _entry: u32 version; u16 tag, u16 permissions, u32 id.
const ACL_USER = 0x02;
const ACL_GROUP = 0x08;

/** Entries for users and groups that have no number on the other side are left out. */
function shiftAcl(
  value: Uint8Array,
  { maps, shift }: { readonly maps: IdMaps; readonly shift: Shift },
): Uint8Array | undefined {
  if (value.length < 4 || (value.length - 4) % 8 !== 0) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const kept: Uint8Array[] = [value.subarray(0, 4)];
  for (let at = 4; at < value.length; at += 8) {
    const entry = new Uint8Array(value.subarray(at, at + 8)); // a copy, whichever kind of array it was
    const tag = view.getUint16(at, true);
    if (tag === ACL_USER || tag === ACL_GROUP) {
      const id = shift(tag === ACL_USER ? maps.uids : maps.gids, view.getUint32(at + 4, true));
      if (id === undefined) continue;
      new DataView(entry.buffer).setUint32(4, id, true);
    }
    kept.push(entry);
  }
  return Buffer.concat(kept);
}
