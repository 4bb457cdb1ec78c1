import { chownSync, mkdirSync, realpathSync } from "node:fs";
import { codeOf, Failure, within } from "../../../base/failure.ts";
import { ensureDirectoryInRoot } from "../../../linux/files/ensure-directory.ts";
import type { Fd } from "../../../linux/kernel/fd.ts";
import { listMounts } from "../../../linux/mount/mountinfo.ts";
import { hostRootOf } from "../../../spec/id-map.ts";
import type { ResolvedUser } from "../../../spec/passwd.ts";
import { isWithin } from "../../resolve/clean-path.ts";
import { checkPropagation } from "../../resolve/propagation.ts";
import type { ResolvedContainer } from "../../resolve/container.ts";
import type { HostPart } from "../../dependencies.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { BindMount } from "../../../model/mounts.ts";
import { findUser } from "./accounts.ts";

const kernelPaths = ["/proc", "/sys", "/dev"];

/** Finds or creates what a start needs in the root file system and next to it. Idempotent. */
export function prepareRoot(
  record: ContainerRecord,
  {
    plan,
    root,
    host,
  }: { readonly plan: ResolvedContainer; readonly root: Fd; readonly host: Pick<HostPart, "readText"> },
): ResolvedUser {
  const { spec } = record;
  const user = findUser(root, { user: plan.user, groups: spec.process?.groupAdd ?? [], spec, host });
  makeWorkingDirectory(record, { plan, root });
  for (const mount of plan.mounts) {
    if (mount.kind !== "bind") continue;
    makeBindSource(record, mount);
    const { propagation = "rprivate" } = mount;
    if (propagation.endsWith("private")) continue;
    checkPropagation(realpathSync(mount.source), propagation, listMounts());
  }
  return user;
}

/** Idempotent. SAFETY: each component is made and opened by descriptor, links are followed inside `root`. */
export function makeWorkingDirectory(
  record: ContainerRecord,
  { plan, root }: { readonly plan: Pick<ResolvedContainer, "workingDirectory">; readonly root: Fd },
): void {
  if (kernelPaths.some((path) => isWithin(plan.workingDirectory, path))) return;
  const owner = { mode: 0o755, ...rootOf(record) };
  try {
    ensureDirectoryInRoot(root, plan.workingDirectory, owner)[Symbol.dispose]();
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.details.code !== "ENOTDIR") throw thrown;
    const sentence = `Cannot mkdir: ${plan.workingDirectory} is not a directory`;
    throw new Failure("invalid", sentence, { cause: thrown });
  }
}

/** Makes the directory that a bind shows if it is missing and the bind asks for that. Idempotent. */
export function makeBindSource(record: ContainerRecord, { source, createSource }: BindMount): void {
  if (createSource === true) makeSource(source, rootOf(record));
}

/** The container's root user, as an ID of the host. */
function rootOf({ idMaps }: ContainerRecord): { readonly uid: number; readonly gid: number } {
  return idMaps === undefined ? { uid: 0, gid: 0 } : hostRootOf(idMaps);
}

function makeSource(source: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  try {
    const made = mkdirSync(source, { recursive: true, mode: 0o755 });
    // As Docker does: a directory that is made for the container is its own.
    if (made !== undefined && uid !== 0) chownSync(source, uid, gid);
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return; // a file is fine, too
    throw within(`cannot make the bind source "${source}"`, thrown);
  }
}
