import { describeRefusal } from "./internal/describe-refusal.ts";
import { existsSync } from "node:fs";
import { Failure, within } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { Cgroup, type CgroupJoin } from "./cgroup.ts";
import {
  type CgroupHierarchy,
  type CgroupLayout,
  detectCgroups,
  findController,
  hierarchiesOf,
} from "./layout.ts";
import { parseCgroupPaths, pathIn, readCgroupFile } from "./paths.ts";
import type { CgroupHierarchyPlan, CgroupPlan } from "./plan.ts";
import { makeDirectoryAt, openDirectoryAt, writeValues } from "./internal/files.ts";
import { openJoin } from "./internal/join.ts";
import type { CgroupParentDirectory } from "./internal/parent-directory.ts";
import { inheritCpuset, letCpusetsInherit } from "./internal/v1/cpuset.ts";
import { attachDeviceFilter } from "./internal/v2/device-filter.ts";
import { hasMark, markPath, setMark } from "./internal/mark.ts";
import { lendRealtime } from "./internal/v1/realtime.ts";
import { enableControllers, rareControllers } from "./internal/v2/subtree-control.ts";
import type { CgroupWrite } from "./internal/write.ts";
import { AT_FDCWD, AT_REMOVEDIR } from "../constants/open.ts";
import type { Fd, OwnedFd } from "../kernel/fd.ts";
import { listHugePageSizes } from "./huge-pages.ts";
import { attempt, isErrno } from "../kernel/syscall.ts";

const keepersName = "keepers";

/** A component that is neither hidden, nor "..", nor the name of a control file (those have a dot after a word). */
const component = /^[A-Za-z0-9_][A-Za-z0-9_.:@=-]{0,199}$/;

/** Refuses "invalid" what could leave the cgroup tree or hide in it; returns the components. */
export function parseCgroupPath(path: string): string[] {
  const components = path.split("/").filter((part) => part !== "");
  if (
    components.length === 0 ||
    components.length > 16 ||
    !components.every((part) => component.test(part))
  ) {
    throw new Failure("invalid", `cannot use cgroup path "${path}"`);
  }
  return components;
}

/**
 * The directory, in every hierarchy, below which containers get their cgroups. Holds one descriptor a
 * hierarchy, so making a container's cgroup is one mkdir and its writes. Dispose it to close them; the
 * directories stay.
 */
export class CgroupParent implements CgroupParentDirectory, Disposable {
  readonly layout: CgroupLayout;
  /** Below each hierarchy's mount: `tare-1a2b`. */
  readonly path: string;
  readonly #components: readonly string[];
  readonly #mark: string | undefined;
  readonly #isShared: boolean;
  readonly #directories = new Map<string, OwnedFd>();
  /** The kernel's list of this process's cgroups when it was in the topmost one of every hierarchy. */
  #topmost: string | undefined;

  /**
   * With a mark, directories that it makes bear that, and removeMarked() takes only those away. `isShared`: processes
   * live in it; on v2, what is below gets no controllers then.
   */
  constructor(
    path: string,
    layout: CgroupLayout,
    {
      mark,
      isShared = false,
    }: { readonly mark?: string | undefined; readonly isShared?: boolean | undefined } = {},
  ) {
    this.#mark = mark;
    this.#isShared = isShared;
    this.#components = parseCgroupPath(path);
    this.path = this.#components.join("/");
    this.layout = {
      ...layout,
      get hugePageSizes() {
        return listHugePageSizes();
      },
      hasFile: (controller, file) => this.#hasFile(controller, file),
    };
  }

  /** For Cgroup: the directory in this hierarchy, made when it is not there. */
  directoryIn(hierarchy: CgroupHierarchy): Fd {
    let directory = this.#directories.get(hierarchy.mountPath);
    if (directory === undefined) {
      directory = this.#open(hierarchy);
      this.#directories.set(hierarchy.mountPath, directory);
    }
    return directory.fd;
  }

  /**
   * Makes the cgroup and applies the plan, or leaves nothing. An empty leftover of that name is replaced;
   * "conflict" when one is still in use. "invalid" when the kernel refuses a value.
   */
  create(name: string, plan: CgroupPlan): Cgroup {
    if (!component.test(name)) throw new Failure("invalid", `cannot use cgroup name "${name}"`);
    const cgroup = new Cgroup(this, name);
    const made: Fd[] = [];
    try {
      for (const step of plan.hierarchies) {
        const directory = this.#makeFresh(step.hierarchy, name);
        made.push(directory);
        this.raiseLimits(step.hierarchy, name, step.writes);
        this.#apply(directory, name, step);
        if (step.hierarchy.version === 2 && plan.deviceFilter !== undefined) {
          using filtered = openDirectoryAt(directory, name);
          attachDeviceFilter(filtered.fd, plan.deviceFilter);
        }
      }
      return cgroup;
    } catch (thrown) {
      for (const directory of made) attempt("unlinkat", directory, name, AT_REMOVEDIR);
      if (thrown instanceof Failure) throw within(`cannot create cgroup "${cgroup.path}"`, thrown);
      const detail = describeRefusal(thrown);
      throw new Failure("invalid", `cannot create cgroup "${cgroup.path}": the kernel refuses ${detail}`, {
        cause: thrown,
      });
    }
  }

  /** For Cgroup: what few limits need of the cgroups above, from the topmost of ours down. */
  raiseLimits(hierarchy: CgroupHierarchy, name: string, writes: readonly CgroupWrite[]): void {
    const rare = hierarchy.version === 2 ? rareControllers(writes) : [];
    const isRealtime = writes.some(({ file }) => file === "cpu.rt_runtime_us");
    if (rare.length === 0 && !isRealtime) return;
    using above = new DisposableStack();
    const root = above.use(openDirectoryAt(AT_FDCWD, hierarchy.mountPath));
    const directories = this.#components.map((_, depth) => {
      const path = this.#components.slice(0, depth + 1).join("/");
      return above.use(openDirectoryAt(root.fd, path)).fd;
    });
    if (hierarchy.version === 1) return lendRealtime(directories, name, writes);
    for (const directory of [root.fd, ...directories])
      enableControllers(directory, hierarchy.controllers, rare);
  }

  /** The cgroup of that name, made before, perhaps by an earlier process of ours. Checks nothing. */
  open(name: string): Cgroup {
    if (!component.test(name)) throw new Failure("invalid", `cannot use cgroup name "${name}"`);
    return new Cgroup(this, name);
  }

  /**
   * Opens the cgroup for keepers next to those of the containers, created when it is missing, so that a keeper leaves
   * this process's own cgroup. A process in the topmost cgroup, which has no limit, has nothing to leave.
   */
  openKeeperJoin(): CgroupJoin {
    const text = readCgroupFile("self");
    if (text === this.#topmost) return { writeZeroFds: [], [Symbol.dispose]: () => {} };
    const paths = parseCgroupPaths(text);
    const isLimited = (hierarchy: CgroupHierarchy): boolean => pathIn(paths, hierarchy) !== "/";
    const limited = hierarchiesOf(this.layout).filter(isLimited);
    if (limited.length === 0) this.#topmost = text;
    for (const hierarchy of limited) {
      const directory = this.directoryIn(hierarchy);
      makeDirectoryAt(directory, keepersName);
      if (hierarchy.version === 1) inheritCpuset(hierarchy, directory, keepersName);
    }
    return openJoin(this, keepersName, { only: isLimited, byWriting: true });
  }

  /** Removes the parent itself where nothing is left below it: for tests and uninstalling. */
  removeEmpty(): void {
    this[Symbol.dispose]();
    for (const hierarchy of hierarchiesOf(this.layout)) {
      for (let depth = this.#components.length; depth > 0; depth--) {
        const path = [hierarchy.mountPath, ...this.#components.slice(0, depth)].join("/");
        if (attempt("unlinkat", AT_FDCWD, path, AT_REMOVEDIR) < 0) break;
      }
    }
  }

  /** Its directories that are not there, as paths of the host: what is about to be made. */
  listMissing(): readonly string[] {
    return hierarchiesOf(this.layout)
      .flatMap(({ mountPath }) =>
        this.#components.map((_, depth) => [mountPath, ...this.#components.slice(0, depth + 1)].join("/")),
      )
      .filter((path) => !existsSync(path));
  }

  /** Marks what listMissing() gave to an earlier process, which may have ended between making one and marking it. */
  claim(paths: readonly string[]): void {
    if (this.#mark === undefined) return;
    for (const path of paths) markPath(path, this.#mark);
  }

  /** Removes those of its directories that it, or an earlier one with its mark, has made and that are empty. */
  removeMarked(): void {
    this[Symbol.dispose]();
    for (const hierarchy of hierarchiesOf(this.layout)) {
      for (let depth = this.#components.length; depth > 0; depth--) {
        const path = [hierarchy.mountPath, ...this.#components.slice(0, depth)].join("/");
        if (!existsSync(path)) continue; // its maker ended before it
        if (this.#mark === undefined || !hasMark(path, this.#mark)) break;
        if (attempt("unlinkat", AT_FDCWD, path, AT_REMOVEDIR) < 0) break;
      }
    }
  }

  [Symbol.dispose](): void {
    for (const directory of this.#directories.values()) directory[Symbol.dispose]();
    this.#directories.clear();
  }

  #open(hierarchy: CgroupHierarchy): OwnedFd {
    let directory = openDirectoryAt(AT_FDCWD, hierarchy.mountPath);
    for (const name of this.#components) {
      if (hierarchy.version === 2) enableControllers(directory.fd, hierarchy.controllers);
      const isNew = makeDirectoryAt(directory.fd, name);
      if (isNew && this.#mark !== undefined) {
        fault("cgroup.marking");
        setMark(directory.fd, name, this.#mark);
      }
      if (hierarchy.version === 1) inheritCpuset(hierarchy, directory.fd, name);
      const below = openDirectoryAt(directory.fd, name);
      directory[Symbol.dispose]();
      directory = below;
    }
    if (hierarchy.version === 2) this.#enableBelow(directory.fd, hierarchy.controllers);
    // A cgroup that other software shares stays unchanged.
    else if (this.#mark === undefined) letCpusetsInherit(hierarchy, directory.fd);
    return directory;
  }

  #enableBelow(directory: Fd, controllers: readonly string[]): void {
    try {
      enableControllers(directory, controllers);
    } catch (thrown) {
      if (!this.#isShared) throw thrown;
    }
  }

  /** Looked for in this directory: it has what every one below it has. */
  #hasFile(controller: string, file: string): boolean {
    const hierarchy = findController(this.layout, controller);
    return hierarchy !== undefined && attempt("faccessat", this.directoryIn(hierarchy), file, 0) === 0;
  }

  #makeFresh(hierarchy: CgroupHierarchy, name: string): Fd {
    for (let again = false; ; again = true) {
      const directory = this.directoryIn(hierarchy);
      try {
        if (makeDirectoryAt(directory, name)) return directory;
      } catch (thrown) {
        // Another process removed the parent: its descriptor is stale now.
        if (again || !isErrno(thrown, "ENOENT", "ENODEV")) throw thrown;
        this.#directories.get(hierarchy.mountPath)?.[Symbol.dispose]();
        this.#directories.delete(hierarchy.mountPath);
        continue;
      }
      if (again || attempt("unlinkat", directory, name, AT_REMOVEDIR) < 0) {
        throw new Failure("conflict", "a cgroup of that name is in use");
      }
    }
  }

  #apply(directory: Fd, name: string, step: CgroupHierarchyPlan): void {
    if (step.hierarchy.version === 1) inheritCpuset(step.hierarchy, directory, name);
    for (let at = 0; at < step.writes.length; ) {
      const file = step.writes[at]?.file ?? "";
      const values: string[] = [];
      while (step.writes[at]?.file === file) values.push(step.writes[at++]?.value ?? "");
      writeValues(directory, `${name}/${file}`, values);
    }
  }
}

/** Opens the parent and creates its directories, on this host's hierarchies by default. */
export function openCgroupParent(path: string, layout: CgroupLayout = detectCgroups()): CgroupParent {
  const parent = new CgroupParent(path, layout);
  try {
    for (const hierarchy of hierarchiesOf(layout)) parent.directoryIn(hierarchy);
    return parent;
  } catch (thrown) {
    parent[Symbol.dispose]();
    throw within(`cannot open cgroup "${path}"`, thrown);
  }
}
