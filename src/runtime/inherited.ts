import type { Cgroup, CgroupJoin } from "../linux/cgroup/cgroup.ts";
import type { Fd } from "../linux/kernel/fd.ts";
import type { Inheritance } from "./keeper/inheritance.ts";
import type { PreservedFd } from "./plan/process.ts";

/** The groups that a new process joins, by the keeper's descriptors. */
export interface InheritedGroups {
  readonly cgroupTasks: readonly number[];
  readonly otherTasks: readonly number[];
  readonly keeperTasks: readonly number[];
  /** The v2 cgroup that the child is cloned into; absent: none. */
  readonly cgroupFd?: number | undefined;
}

/** Opens the cgroup, and registers it and the other groups with what the keeper inherits. */
export function inheritGroups(
  {
    cgroup,
    siblingPid,
    taskFds = [],
    keeperCgroupFds = [],
  }: {
    readonly cgroup?: Cgroup | undefined;
    /** See Cgroup.openJoin(). */
    readonly siblingPid?: number | undefined;
    readonly taskFds?: readonly Fd[] | undefined;
    readonly keeperCgroupFds?: readonly Fd[] | undefined;
  },
  { inheritance, opened }: { readonly inheritance: Inheritance; readonly opened: DisposableStack },
): InheritedGroups {
  const join: CgroupJoin | undefined =
    cgroup === undefined
      ? undefined
      : opened.use(cgroup.openJoin(siblingPid === undefined ? {} : { siblingPid }));
  const addAll = (fds: readonly Fd[]): readonly number[] => fds.map((fd) => inheritance.add(fd));
  return {
    cgroupTasks: addAll(join?.writeZeroFds ?? []),
    otherTasks: addAll(taskFds),
    keeperTasks: addAll(keeperCgroupFds),
    cgroupFd: join?.intoCgroupFd === undefined ? undefined : inheritance.add(join.intoCgroupFd),
  };
}

/** The descriptors that the program receives, and the number of each there; undefined: none. */
export function inheritPreserved(
  preserveFds: ReadonlyMap<number, Fd> | undefined,
  inheritance: Inheritance,
): readonly PreservedFd[] | undefined {
  if (preserveFds === undefined || preserveFds.size === 0) return undefined;
  return [...preserveFds].map(([target, fd]) => ({ fd: inheritance.add(fd), target }));
}
