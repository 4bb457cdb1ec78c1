import { FSCONFIG_CMD_CREATE, FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC } from "../../linux/constants/mount.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
} from "../../linux/constants/open.ts";
import { encodeOpenHow } from "./paths.ts";
import type { OpResult, PlanList } from "./plan.ts";

/**
 * Sets the profile of the next program that the child executes. SAFETY: written through a procfs that is mounted here
 * and attached nowhere: nothing in the container can replace it and leave the process unconfined.
 */
export function addAppArmor(list: PlanList, profile: string): void {
  const about = aboutOf(profile);
  const context = list.add(about, "fsopen", ["proc", FSOPEN_CLOEXEC]);
  list.add(about, "fsconfig", [context, FSCONFIG_CMD_CREATE, null, null, 0]);
  const proc = list.add(about, "fsmount", [context, FSMOUNT_CLOEXEC, 0]);
  const how = encodeOpenHow(O_WRONLY | O_CLOEXEC, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
  addProfile(list, profile, list.add(about, "openat2", [proc, "self/attr/apparmor/exec", how, 24]));
}

/**
 * The same for a child that was just cloned into a user namespace, before it gives up the host's root: as any other it
 * could not write the file, and it may have no right to a procfs of its own. SAFETY: the host's own /proc, from before
 * the pivot.
 */
export function addAppArmorOfChild(list: PlanList, profile: string): void {
  const openArguments = [AT_FDCWD, "/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC];
  addProfile(list, profile, list.add(aboutOf(profile), "openat", openArguments));
}

function aboutOf(profile: string): string {
  return `apply the AppArmor profile "${profile}"`;
}

function addProfile(list: PlanList, profile: string, file: OpResult): void {
  const about = aboutOf(profile);
  const words = `exec ${profile}`;
  const bytes = Buffer.byteLength(words);
  list.add(about, "write", [file, words, bytes], { expect: bytes });
}
