import { Failure } from "../base/failure.ts";
import { parseGroup, parsePasswd, type UserDatabase } from "./passwd.ts";

/** Accounts that a container has besides those of its image. */
export interface AddedAccounts {
  /** `user[:group]` that it runs as. */
  readonly user: string;
  /** A line of passwd(5) for a user without one; `$UID`, `$GID`, `$USERNAME`, `$NAME` and `$HOME` are replaced. */
  readonly passwdEntry?: string | undefined;
  /** A line of group(5) for a group without one; `$GID` and `$GROUPNAME` are replaced. */
  readonly groupEntry?: string | undefined;
  /** Names or numbers of users of the host. */
  readonly hostUsers?: readonly string[] | undefined;
  /** Text of the host's passwd file. */
  readonly hostPasswd: string;
}

/**
 * Returns the image's files with additions; a file without additions is returned unchanged. Existing entries of the
 * image are never changed. Throws "invalid" for a malformed line, and for a user that is unknown on the host.
 */
export function addAccounts(image: UserDatabase, added: AddedAccounts): UserDatabase {
  const passwd = (added.hostUsers ?? []).reduce(
    (text, user) => addHostUser(text, user, added.hostPasswd),
    image.passwd,
  );
  const [user = "", group = ""] = added.user.split(":");
  const name = user === "" ? "0" : user;
  const entry = parsePasswd(passwd).find((known) => isMeant(known.name, known.uid, name));
  const gid = group === "" ? String(entry?.gid ?? 0) : group;
  return {
    passwd:
      added.passwdEntry === undefined || entry !== undefined
        ? passwd
        : append(
            passwd,
            expand(added.passwdEntry, { UID: name, GID: gid, USERNAME: name, NAME: "", HOME: "/" }, 7),
          ),
    group:
      added.groupEntry === undefined ||
      parseGroup(image.group).some((known) => isMeant(known.name, known.gid, gid))
        ? image.group
        : append(image.group, expand(added.groupEntry, { GID: gid, GROUPNAME: gid }, 4)),
  };
}

function addHostUser(passwd: string, user: string, host: string): string {
  const line = host.split("\n").find((text) => {
    const [entry] = parsePasswd(text);
    return entry !== undefined && isMeant(entry.name, entry.uid, user);
  });
  const [found] = parsePasswd(line ?? "");
  if (line === undefined || found === undefined)
    throw new Failure("invalid", `cannot find user ${JSON.stringify(user.slice(0, 100))} on the host`);
  const isTaken = parsePasswd(passwd).some(({ name, uid }) => name === found.name || uid === found.uid);
  return isTaken ? passwd : append(passwd, line.trim());
}

/** As everywhere, what is all digits is a number. */
function isMeant(name: string, id: number, wanted: string): boolean {
  return /^\d+$/.test(wanted) ? id === Number(wanted) : name === wanted;
}

function expand(template: string, values: Readonly<Record<string, string>>, fields: number): string {
  const line = template.replaceAll(/\$([A-Z]+)/g, (text, name: string) => values[name] ?? text);
  if (/[\n\0]/.test(line) || line.split(":").length !== fields || line.startsWith(":")) {
    throw new Failure(
      "invalid",
      `invalid entry ${JSON.stringify(template.slice(0, 200))}: want ${fields} fields with colons between`,
    );
  }
  return line;
}

function append(text: string, line: string): string {
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
}
