import { chmodSync, chownSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../base/failure.ts";
import { parseGroup } from "../spec/passwd.ts";

/** Number of a group, by its name or number. Throws "invalid" for an unknown name. */
export function findGid(group: string | undefined): number {
  if (group === undefined) return 0;
  if (/^\d{1,9}$/.test(group)) return Number(group);
  const gid = parseGroup(readFileSync("/etc/group", "utf8")).find(({ name }) => name === group)?.gid;
  if (gid !== undefined) return gid;
  throw new Failure(
    "invalid",
    `cannot give the socket to the group "${group}": it does not exist; run: groupadd --system ${group}`,
  );
}

/** Sets the group and the permissions of a socket that the daemon created. */
export function shareSocket(
  socketPath: string,
  { gid, mode }: { readonly gid: number; readonly mode: number },
): void {
  chownSync(socketPath, 0, gid);
  chmodSync(socketPath, mode);
}

/** Gives the group search permission on the run root, where a socket is in it: only root can list that directory. */
export function shareRunRoot(
  socketPath: string,
  { gid, runRoot }: { readonly gid: number; readonly runRoot: string },
): void {
  if (gid === 0 || dirname(socketPath) !== runRoot) return;
  chownSync(runRoot, 0, gid);
  chmodSync(runRoot, 0o710);
}
