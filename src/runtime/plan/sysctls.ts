import { Failure } from "../../base/failure.ts";
import {
  O_CLOEXEC,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../linux/constants/open.ts";
import { errno } from "../../linux/kernel/errno.ts";
import { optionalSysctls, parseSysctlKey } from "../../spec/sysctl.ts";
import { encodeOpenHow } from "./paths.ts";
import type { PlanArgument, PlanList } from "./plan.ts";

/**
 * Writes kernel parameters of the child's own namespaces. SAFETY: `proc` is a procfs that this plan made and has not
 * attached yet: no image, volume or other process can put anything in its place (a redirected write was an escape from
 * other runtimes). Its paths are looked up beneath it, without links.
 */
export function addSysctls(
  list: PlanList,
  proc: PlanArgument | undefined,
  sysctls: Readonly<Record<string, string>>,
): void {
  for (const [key, value] of Object.entries(sysctls)) {
    const about = `set the sysctl ${key}=${value}`;
    const parsed = parseSysctlKey(key);
    if (parsed === undefined)
      throw new Failure("invalid", `cannot ${about}: it is not in a separate kernel namespace`);
    if (proc === undefined) throw new Failure("invalid", `cannot ${about}: the container has no /proc`);
    const how = encodeOpenHow(O_WRONLY | O_CLOEXEC, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    const open = [proc, `sys/${parsed.path.join("/")}`, how, 24];
    const bytes = Buffer.byteLength(value);
    if (optionalSysctls.has(key)) {
      list.addGuarded(about, "openat2", open, [errno.ENOENT], (rest, file) =>
        rest.add(about, "write", [file, value, bytes], { expect: bytes }),
      );
    } else {
      const file = list.add(about, "openat2", open);
      list.add(about, "write", [file, value, bytes], { expect: bytes });
    }
  }
}
