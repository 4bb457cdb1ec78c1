import { RecentMap } from "../../../base/recent-map.ts";
import type { Fd } from "../../../linux/kernel/fd.ts";
import { readFileInRoot } from "../../../linux/files/open.ts";
import { addAccounts } from "../../../spec/add-accounts.ts";
import { decodeBytes } from "../../../spec/byte-text.ts";
import { type ResolvedUser, resolveUser, type UserDatabase } from "../../../spec/passwd.ts";
import type { HostPart } from "../../dependencies.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerContext } from "../../context.ts";
import { writeContainerFile } from "../../networks/network-files.ts";

/** An image's passwd and group beyond this are no such files. */
const MOST_FILE_BYTES = 4 * 1024 * 1024;

/** Of files so long in all what was found is remembered. */
const MOST_REMEMBERED = 16_384;
/**
 * A cache of resolved users by everything that determines them: containers of an image repeat the lookup at each start.
 */
const known = new RecentMap<string, ResolvedUser>(32);

/** The source of the accounts, and the requested user. */
interface Wanted {
  readonly spec: ContainerRecord["spec"];
  readonly host: Pick<HostPart, "readText">;
}

/** Resolves `user[:group]` inside this root. Throws "invalid" for an unknown name. */
export function findUser(
  root: Fd,
  { user, groups, ...wanted }: Wanted & { readonly user: string; readonly groups: readonly string[] },
): ResolvedUser {
  const { passwd, group } = withAdded(readAccounts(root), { ...wanted, user });
  const { memberships } = wanted.spec.process ?? {};
  const resolve = (): ResolvedUser => resolveUser(user, { passwd, group }, { groups, memberships });
  if (passwd.length + group.length > MOST_REMEMBERED) return resolve();
  return known.get(JSON.stringify([user, groups, memberships, passwd, group]), resolve);
}

/** The files that stand for /etc/passwd and /etc/group where something is added to them; their paths by target. */
export function makeAccountFiles(
  { paths, dependencies }: ContainerContext,
  record: ContainerRecord,
  { root, user }: { readonly root: Fd; readonly user: string },
): Readonly<Record<string, string>> {
  if (!addsAccounts(record.spec)) return {};
  const image = readAccounts(root);
  const added = withAdded(image, { spec: record.spec, host: dependencies.host, user });
  const files: Record<string, string> = {};
  for (const name of ["passwd", "group"] as const) {
    if (added[name] === image[name]) continue;
    const path = paths.file(record.id, name);
    writeContainerFile(path, added[name], record);
    files[`/etc/${name}`] = path;
  }
  return files;
}

function readAccounts(root: Fd): UserDatabase {
  return { passwd: readText(root, "etc/passwd"), group: readText(root, "etc/group") };
}

function readText(root: Fd, path: string): string {
  return decodeBytes(readFileInRoot(root, path, { limit: MOST_FILE_BYTES }) ?? new Uint8Array());
}

function addsAccounts({
  process: { passwdEntry, groupEntry, hostUsers } = {},
}: ContainerRecord["spec"]): boolean {
  return passwdEntry !== undefined || groupEntry !== undefined || hostUsers !== undefined;
}

function withAdded(
  image: UserDatabase,
  { spec, host, user }: Wanted & { readonly user: string },
): UserDatabase {
  if (!addsAccounts(spec)) return image;
  const { process: { passwdEntry, groupEntry, hostUsers } = {} } = spec;
  return addAccounts(image, {
    user,
    passwdEntry,
    groupEntry,
    hostUsers,
    hostPasswd: hostUsers === undefined ? "" : host.readText("/etc/passwd"),
  });
}
