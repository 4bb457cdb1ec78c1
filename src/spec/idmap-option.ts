import { Failure } from "../base/failure.ts";

/**
 * The owner of a bind's files: the host's owner `who` and the container's user become the same there. `true`: the owner
 * of the source. Files of other owners belong to `nobody`.
 */
export type IdmapOption = true | { readonly uid: number; readonly gid: number };

const highestId = 2 ** 32 - 2;

/** `""` for the source's owner; `UID`, `UID-GID` (what `-v` can hold) or `UID:GID`. Throws "invalid". */
export function parseIdmapOption(text: string): IdmapOption {
  if (text === "") return true;
  const [, uid, gid] = /^(\d{1,10})(?:[-:](\d{1,10}))?$/.exec(text) ?? [];
  const owner = { uid: Number(uid), gid: Number(gid ?? uid) };
  if (uid !== undefined && owner.uid <= highestId && owner.gid <= highestId) return owner;
  throw new Failure("invalid", `invalid idmap "${text.slice(0, 60)}": want UID or UID:GID of the host`);
}

/** The way back. */
export function formatIdmapOption(option: IdmapOption): string {
  return option === true ? "" : `${option.uid}:${option.gid}`;
}
