import { FSCONFIG_CMD_CREATE, FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC } from "../../linux/constants/mount.ts";
import {
  O_CLOEXEC,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
} from "../../linux/constants/open.ts";
import { encodeOpenHow } from "./paths.ts";
import type { PlanList } from "./plan.ts";

/**
 * What the child executes next runs under this profile. SAFETY: told through a procfs that is made here and attached
 * nowhere: nothing of the container can stand in its place and leave the process unconfined.
 */
export function addAppArmor(list: PlanList, profile: string): void {
  const about = `apply the AppArmor profile "${profile}"`;
  const context = list.add(about, "fsopen", ["proc", FSOPEN_CLOEXEC]);
  list.add(about, "fsconfig", [context, FSCONFIG_CMD_CREATE, null, null, 0]);
  const proc = list.add(about, "fsmount", [context, FSMOUNT_CLOEXEC, 0]);
  const how = encodeOpenHow(
    O_WRONLY | O_CLOEXEC,
    0,
    RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  );
  const file = list.add(about, "openat2", [proc, "self/attr/apparmor/exec", how, 24]);
  const words = `exec ${profile}`;
  const bytes = Buffer.byteLength(words);
  list.add(about, "write", [file, words, bytes], { expect: bytes });
}
