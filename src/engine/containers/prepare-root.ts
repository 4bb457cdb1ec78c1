import { chownSync, mkdirSync, realpathSync } from "node:fs";
import { within } from "../../base/failure.ts";
import { ensureDirectoryInRoot } from "../../linux/ensure-directory.ts";
import type { Fd } from "../../linux/fd.ts";
import { listMounts } from "../../linux/mountinfo.ts";
import { readFileInRoot } from "../../linux/open.ts";
import { decodeBytes } from "../../spec/byte-text.ts";
import { hostRootOf } from "../../spec/id-map.ts";
import { type ResolvedUser, resolveUser } from "../../spec/passwd.ts";
import { isWithin } from "../planning/clean-path.ts";
import { checkPropagation } from "../planning/propagation.ts";
import type { ContainerPlan } from "../planning/plan-container.ts";
import type { ContainerRecord } from "../state/records.ts";

/** An image's passwd and group beyond this are no such files. */
const MOST_FILE_BYTES = 4 * 1024 * 1024;
const kernelPlaces = ["/proc", "/sys", "/dev"];

/** What must be found or made in the root file system and beside it before a start. Idempotent. */
export function prepareRoot(
  record: ContainerRecord,
  { plan, root }: { readonly plan: ContainerPlan; readonly root: Fd },
): ResolvedUser {
  const user = findUser(root, { user: plan.user, groups: record.spec.groupAdd ?? [] });
  if (!kernelPlaces.some((place) => isWithin(plan.workingDirectory, place))) {
    const owner = { mode: 0o755, ...rootOf(record) };
    ensureDirectoryInRoot(root, plan.workingDirectory, owner)[Symbol.dispose]();
  }
  for (const mount of plan.mounts) {
    if (mount.kind !== "bind") continue;
    if (mount.createSource === true) makeSource(mount.source, rootOf(record));
    const { propagation = "rprivate" } = mount;
    if (propagation.endsWith("private")) continue;
    checkPropagation(realpathSync(mount.source), propagation, listMounts());
  }
  return user;
}

/** Who `user[:group]` is inside this root. Throws "invalid" for a name that isn't there. */
export function findUser(
  root: Fd,
  { user, groups }: { readonly user: string; readonly groups: readonly string[] },
): ResolvedUser {
  return resolveUser(
    user,
    { passwd: readText(root, "etc/passwd"), group: readText(root, "etc/group") },
    { groups },
  );
}

function readText(root: Fd, path: string): string {
  return decodeBytes(readFileInRoot(root, path, { limit: MOST_FILE_BYTES }) ?? new Uint8Array());
}

/** The container's root, as the host knows it. */
function rootOf({ idMaps }: ContainerRecord): { readonly uid: number; readonly gid: number } {
  return idMaps === undefined ? { uid: 0, gid: 0 } : hostRootOf(idMaps);
}

function makeSource(source: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  try {
    const made = mkdirSync(source, { recursive: true, mode: 0o755 });
    // As Docker does: a directory that is made for the container is its own.
    if (made !== undefined && uid !== 0) chownSync(source, uid, gid);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "EEXIST") return; // a file is fine, too
    throw within(`cannot make the bind source "${source}"`, thrown);
  }
}
