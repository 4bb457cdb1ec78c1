import { Failure } from "../base/failure.ts";

/** One line of passwd(5). */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** One line of group(5). */
export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The text of an image's two files; absent ones are "". */
export interface UserDatabase {
  readonly passwd: string;
  readonly group: string;
}

/** The identity that a process in a container gets. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** For setgroups(2), which is always called: otherwise those of the engine would stay. `gid` is the first. */
  readonly additionalGids: readonly number[];
  /** `/` for a user without an entry. */
  readonly home: string;
  /** Absent for a number without an entry. */
  readonly name?: string | undefined;
}

/** SAFETY: an id above this would turn negative, or into root, where it is kept in 31 bits. */
const highestId = 2 ** 31 - 1;

/** A hostile image's file must not cost more than this. */
const mostLines = 100_000;

/** The well-formed lines; others are skipped, as every reader of these files does. */
export function parsePasswd(text: string): PasswdEntry[] {
  return splitLines(text).flatMap((fields): PasswdEntry[] => {
    const [name = "", , uidText = "", gidText = "", , home = "", shell = ""] = fields;
    const uid = findId(uidText);
    const gid = findId(gidText);
    return name === "" || uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home, shell }];
  });
}

/** The well-formed lines; others are skipped. */
export function parseGroup(text: string): GroupEntry[] {
  return splitLines(text).flatMap((fields): GroupEntry[] => {
    const [name = "", , gidText = "", members = ""] = fields;
    const gid = findId(gidText);
    if (name === "" || gid === undefined) return [];
    return [{ name, gid, members: members.split(",").filter((member) => member !== "") }];
  });
}

/**
 * Resolves `user[:group]` inside an image, each a name or a number; "" is root. A number needs no entry; a name does
 * ("invalid" otherwise). All digits are a number, never a name. Without a group, the user has its own primary group and
 * all groups that list it; with one, only that group. `groups` are those of `--group-add`. `memberships` decides it
 * otherwise: "always" adds the groups that list the user, "never" does not.
 */
export function resolveUser(
  user: string,
  database: UserDatabase,
  options: {
    readonly groups?: readonly string[] | undefined;
    readonly memberships?: "always" | "never" | undefined;
  } = {},
): ResolvedUser {
  const colon = user.indexOf(":");
  const userPart = colon < 0 ? user : user.slice(0, colon);
  const groupPart = colon < 0 ? "" : user.slice(colon + 1);
  const groups = parseGroup(database.group);
  const found = findUser(userPart, parsePasswd(database.passwd));
  const gid = groupPart === "" ? found.gid : gidOf(groupPart, groups);
  const additional = new Set([gid]);
  const { memberships = groupPart === "" ? "always" : "never" } = options;
  if (memberships === "always" && found.name !== undefined) {
    for (const group of groups) if (group.members.includes(found.name)) additional.add(group.gid);
  }
  for (const group of options.groups ?? []) additional.add(gidOf(group, groups));
  return {
    uid: found.uid,
    gid,
    additionalGids: [...additional],
    home: found.home === "" ? "/" : found.home,
    name: found.name,
  };
}

function findUser(
  user: string,
  entries: readonly PasswdEntry[],
): { readonly uid: number; readonly gid: number; readonly home: string; readonly name?: string | undefined } {
  const wanted = user === "" ? "0" : user;
  const uid = parseId(wanted, "user");
  const entry = entries.find((candidate) =>
    uid === undefined ? candidate.name === wanted : candidate.uid === uid,
  );
  if (entry !== undefined) return entry;
  if (uid !== undefined) return { uid, gid: 0, home: "" };
  throw new Failure("invalid", `unable to find user ${wanted}: no matching entries in passwd file`);
}

function gidOf(group: string, entries: readonly GroupEntry[]): number {
  const gid = parseId(group, "group") ?? entries.find((candidate) => candidate.name === group)?.gid;
  if (gid !== undefined) return gid;
  throw new Failure("invalid", `unable to find group ${group}: no matching entries in group file`);
}

/** Undefined for a name; "invalid" for a number that is no id. */
function parseId(text: string, what: "user" | "group"): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const id = findId(text);
  if (id !== undefined) return id;
  throw new Failure("invalid", `cannot use ${what} "${text}": uids and gids must be in range 0-${highestId}`);
}

function findId(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return id <= highestId ? id : undefined;
}

function splitLines(text: string): string[][] {
  return text
    .split("\n", mostLines)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
