import { Failure } from "../../../base/failure.ts";
import type { CgroupHierarchy, CgroupV2Hierarchy } from "../layout.ts";
import { readCgroupPaths } from "../paths.ts";
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../constants/open.ts";
import type { Fd } from "../../kernel/fd.ts";
import { OwnedFd } from "../../kernel/fd.ts";
import { openBeneath } from "../../files/open.ts";
import { isForcedAbsent } from "../../kernel/without.ts";
import { openForWriting } from "./files.ts";
import type { CgroupParentDirectory } from "./parent-directory.ts";

/** How a process gets into a cgroup. Close-on-exec; dispose after the fork. */
export interface CgroupJoin extends Disposable {
  /** For clone3(CLONE_INTO_CGROUP): the v2 directory. */
  readonly intoCgroupFd?: Fd | undefined;
  /**
   * The process itself, with a single thread, writes `0` to each of these. (`tasks` of v1: 5 µs; the kernel takes
   * its global lock for a pid, or for `cgroup.procs`: 0.7 ms each.)
   */
  readonly writeZeroFds: readonly Fd[];
}

/** SAFETY: a container may rename nothing above its own cgroup, so its path is followed from that one only. */
export function openJoin(
  parent: CgroupParentDirectory,
  name: string,
  options: {
    readonly siblingPid?: number | undefined;
    /** Leaves the others out. */
    readonly only?: ((hierarchy: CgroupHierarchy) => boolean) | undefined;
    /** For a process that exists already: it enters by writing, on v2 too. */
    readonly byWriting?: boolean | undefined;
  } = {},
): CgroupJoin {
  const { siblingPid, only = () => true, byWriting = false } = options;
  using opened = new DisposableStack();
  const writeZero = parent.layout.v1
    .filter(only)
    .map((hierarchy) => opened.use(openForWriting(parent.directoryIn(hierarchy), `${name}/tasks`)));
  const { v2 } = parent.layout;
  const into = v2 !== undefined && only(v2) ? openV2(parent, v2, name, siblingPid) : undefined;
  if (into !== undefined) opened.use(into);
  const born = into !== undefined && !byWriting && !isForcedAbsent("clone-into-cgroup");
  if (into !== undefined && !born) writeZero.push(opened.use(openForWriting(into.fd, "cgroup.procs")));
  const owned = opened.move();
  return {
    intoCgroupFd: born ? into.fd : undefined,
    writeZeroFds: writeZero.map((fd) => fd.fd),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function openV2(
  parent: CgroupParentDirectory,
  v2: CgroupV2Hierarchy,
  name: string,
  siblingPid: number | undefined,
): OwnedFd {
  const directory = parent.directoryIn(v2);
  const flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  if (siblingPid === undefined) return openBeneath(directory, name, flags);
  const path = readCgroupPaths(siblingPid).get("");
  const marker = `/${parent.path}/${name}`;
  const at = path === undefined ? -1 : `${path}/`.indexOf(`${marker}/`);
  if (path === undefined || at < 0) {
    throw new Failure("conflict", `process ${siblingPid} is not in it`);
  }
  const below = path.slice(at + marker.length);
  return openBeneath(directory, `${name}${below}`, flags);
}
