import { randomInt } from "node:crypto";
import { Failure, kindOf, within } from "../../base/failure.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { limitProject, projectOf, projectUse, setProject } from "../../linux/mount/project-quota.ts";

const attempts = 32;
/** Below are the ids that people give themselves. */
const lowest = 1 << 20;
const highest: number = 2 ** 31;

/**
 * Limits the total size of the files in these empty directories, all on one file system. Throws "unsupported" naming
 * the missing feature. Before the directories are removed, the caller passes one of them to liftSizeLimit().
 */
export function limitSize(directories: readonly Fd[], bytes: number): void {
  const [first] = directories;
  if (first === undefined) return;
  try {
    const project = findFreeProject(first);
    // The limit is first: if it can't be had, nothing was changed.
    limitProject(first, project, bytes);
    for (const directory of directories) setProject(directory, project);
  } catch (thrown) {
    throw within("cannot limit its size", thrown);
  }
}

/** The space for overlay's own directories, which it creates on mount: one or two. */
const spaceToMount = 1024 * 1024;

/**
 * Does something that may need a little more than is left, and again with more where the limit is in its way: a
 * container that is full must start, so that something in it can be removed. A crash meanwhile leaves it that much
 * more. `open`: the limited directory.
 */
export async function withSpaceToMount<T>(open: () => OwnedFd, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (kindOf(thrown) !== "exhausted") throw thrown;
    using opened = open();
    const directory = opened.fd;
    const project = projectOf(directory);
    if (project < lowest) throw thrown;
    const { limitBytes } = projectUse(directory, project);
    if (limitBytes === 0) throw thrown;
    limitProject(directory, project, limitBytes + spaceToMount);
    try {
      return await work();
    } finally {
      limitProject(directory, project, limitBytes);
    }
  }
}

/** Gives the limit's record back; fine where there is none. */
export function liftSizeLimit(directory: Fd): void {
  const project = projectOf(directory);
  if (project < lowest) return;
  try {
    limitProject(directory, project, 0);
  } catch (thrown) {
    // The file system is mounted without quotas now: nothing is limited.
    if (kindOf(thrown) !== "unsupported") throw thrown;
  }
}

/**
 * SAFETY: another program, or a second engine, may use projects of this file system: a project with files or a limit is
 * in use.
 */
function findFreeProject(fd: Fd): number {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const project = randomInt(lowest, highest);
    const { inodes, bytes, limitBytes } = projectUse(fd, project);
    if (inodes === 0 && bytes === 0 && limitBytes === 0) return project;
  }
  throw new Failure("exhausted", "no project of the file system is free");
}

/** For people: whether a container's size can be limited on the file system that `fd` is on. */
export function describeSizeLimits(fd: Fd): string {
  try {
    projectUse(fd, lowest);
    return "project quota";
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind === "unsupported") return `no: ${thrown.message}`;
    throw thrown;
  }
}
