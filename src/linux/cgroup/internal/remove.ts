import { AT_REMOVEDIR } from "../../constants/open.ts";
import { errno } from "../../kernel/errno.ts";
import type { Fd } from "../../kernel/fd.ts";
import { attempt } from "../../kernel/syscall.ts";
import { walkCgroups } from "./walk.ts";

/** Removes a cgroup and all below it from one hierarchy; false when something is still in it. */
export function removeIn(parent: Fd, name: string): boolean {
  if (isGone(attempt("unlinkat", parent, name, AT_REMOVEDIR))) return true;
  walkCgroups(parent, name, {
    leave: (above, child) => void attempt("unlinkat", above, child, AT_REMOVEDIR),
  });
  return isGone(attempt("unlinkat", parent, name, AT_REMOVEDIR));
}

function isGone(result: number): boolean {
  return result === 0 || result === -errno.ENOENT || result === -errno.ENODEV;
}
