import { within } from "../base/failure.ts";
import { CLONE_NEWNS } from "../linux/constants/clone.ts";
import { OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../linux/constants/mount.ts";
import { AT_EMPTY_PATH } from "../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import { takeFd } from "../linux/process/process.ts";
import { runHelperProcess } from "./keeper/helper-process.ts";
import { Inheritance } from "./keeper/inheritance.ts";
import { type Plan, PlanBlob, PlanList } from "./plan/plan.ts";
import { addBarrier, takeMount } from "./plan/report.ts";
import type { KeeperProgram } from "./keeper-program.ts";

export interface CoveredRoot {
  /** The root of a mount in that namespace. */
  readonly root: Fd;
  readonly mountNamespace: Fd;
}

/**
 * The same mount alone, detached: it shows files that other mounts cover in the container. The caller disposes of it.
 * KERNEL: only a process in its mount namespace can clone a mount, and this process never is: a helper process enters
 * it.
 */
export async function uncoverRoot(
  program: KeeperProgram,
  runRoot: string,
  { root, mountNamespace }: CoveredRoot,
): Promise<OwnedFd> {
  const inheritance = new Inheritance();
  const fds = { root: inheritance.add(root), mountNamespace: inheritance.add(mountNamespace) };
  try {
    return await runHelperProcess(
      program,
      {
        name: "uncover",
        runRoot,
        plan: () => planUncover(fds),
        inheritance,
        barrier: takeMount,
      },
      ({ pidfd, value }) => takeFd(pidfd, value),
    );
  } catch (thrown) {
    throw within("cannot look below the container's mounts", thrown);
  }
}

/** Pure. SAFETY: nothing is looked up by a path, and nothing is attached: the container's mounts stay as they are. */
function planUncover(fds: {
  readonly root: number;
  readonly mountNamespace: number;
}): Pick<Plan, "child" | "blob" | "cloneFlags"> {
  const blob = new PlanBlob();
  const child = new PlanList();
  const barrier = blob.reserve(16);
  child.add("enter the container's mount namespace", "setns", [fds.mountNamespace, CLONE_NEWNS]);
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
  child.add("clone the root's mount", "open_tree", [fds.root, "", flags], {
    store: { offset: barrier.offset + 8, bytes: 8 },
  });
  addBarrier(child, blob, barrier, takeMount, "hand out the root's mount");
  return { child, blob, cloneFlags: 0 };
}
