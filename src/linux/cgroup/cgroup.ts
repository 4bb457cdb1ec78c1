import type { CgroupStatistics } from "../../model/statistics.ts";
import { poll, type Waiting } from "../../base/deadline.ts";
import { Failure, within } from "../../base/failure.ts";
import type { CgroupChange } from "./change.ts";
import type { CgroupHierarchy, CgroupV1Hierarchy } from "./layout.ts";
import { findController, hierarchiesOf } from "./layout.ts";
import { changeIn } from "./internal/change.ts";
import { isFrozenIn, thawNow, requestFreeze } from "./internal/freezer.ts";
import { killByList, killV2, listPids } from "./internal/kill.ts";
import { type CgroupJoin, openJoin } from "./internal/join.ts";
import type { CgroupParentDirectory } from "./internal/parent-directory.ts";
import { removeIn } from "./internal/remove.ts";
import { readOomKills } from "./internal/oom.ts";

export type { CgroupJoin };

export interface BoundedWaiting extends Waiting {
  readonly timeoutMs?: number | undefined;
}

/**
 * One cgroup: a directory of the same name in each hierarchy of the host. Holds nothing open; all methods are
 * fine when it is gone already, and they reach everything below it (a container may make its own cgroups).
 */
export class Cgroup {
  readonly name: string;
  readonly #parent: CgroupParentDirectory;

  constructor(parent: CgroupParentDirectory, name: string) {
    this.#parent = parent;
    this.name = name;
  }

  /** Below each hierarchy's mount: `tare-1a2b/ID`. */
  get path(): string {
    return `${this.#parent.path}/${this.name}`;
  }

  /**
   * The descriptors with which a new process is created in it or joins it: the caller disposes of them after the fork.
   * With `siblingPid`, on v2, the present cgroup of that process: once a container has created cgroups of its own, its
   * topmost one accepts no more processes.
   */
  openJoin(options: { readonly siblingPid?: number | undefined } = {}): CgroupJoin {
    try {
      return openJoin(this.#parent, this.name, options);
    } catch (thrown) {
      throw within(`cannot join cgroup "${this.path}"`, thrown);
    }
  }

  /** Every process in it and below, as this process's pid namespace numbers them. */
  pids(): number[] {
    const pids = new Set<number>();
    for (const { directory } of this.#references()) {
      for (const pid of listPids(directory, this.name)) pids.add(pid);
    }
    return [...pids];
  }

  /** SIGKILL to everything in it, once; frozen ones are thawed, or they would not die. */
  kill(): void {
    thawNow(this.#parent, this.name);
    for (const { hierarchy, directory } of this.#references()) {
      if (hierarchy.version === 2 && killV2(directory, this.name)) continue;
      killByList(this.#parent, this.name, hierarchy);
    }
  }

  /** Kills until nothing is left in it; Failure("deadline") when something stays, within 10 s. */
  async killAll({ signal, timeoutMs = 10_000 }: BoundedWaiting = {}): Promise<void> {
    await poll(
      () => {
        this.kill();
        return this.pids().length === 0 ? true : undefined;
      },
      { everyMs: 2, timeoutMs, what: `kill the processes of cgroup "${this.path}"`, signal },
    );
  }

  /** Stops every process where it is, until thaw(). Thaws again when it cannot within 5 s. */
  async freeze({ signal, timeoutMs = 5_000 }: BoundedWaiting = {}): Promise<void> {
    try {
      await poll(() => (requestFreeze(this.#parent, this.name) ? true : undefined), {
        everyMs: 1,
        timeoutMs,
        what: `freeze cgroup "${this.path}"`,
        signal,
      });
    } catch (thrown) {
      thawNow(this.#parent, this.name);
      throw thrown;
    }
  }

  /** Idempotent. */
  thaw(): void {
    thawNow(this.#parent, this.name);
  }

  isFrozen(): boolean {
    return isFrozenIn(this.#parent, this.name);
  }

  /** How many processes the kernel has killed here for want of memory. Read it before remove(). */
  oomKills(): number {
    const memory = findController(this.#parent.layout, "memory");
    return memory === undefined ? 0 : readOomKills(this.#parent.directoryIn(memory), this.name, memory);
  }

  /**
   * New limits, all or none; "invalid" when the kernel refuses one. Returns the way back, for a caller that fails after
   * it.
   */
  change(change: CgroupChange): () => void {
    return changeIn(this.#parent, this.name, change);
  }

  /** The resources that it and all below it have used; undefined when it is gone. Loaded on first use. */
  async statistics(): Promise<CgroupStatistics | undefined> {
    const { readCgroupStatistics } = await import("./statistics.ts");
    return readCgroupStatistics(this.#parent, this.name);
  }

  /**
   * Removes it with all below it from every hierarchy; fine when absent. Processes that are just ending are
   * waited for, up to 2 s; then Failure("conflict") names those that are left.
   */
  async remove({ signal, timeoutMs = 2_000 }: BoundedWaiting = {}): Promise<void> {
    let left = hierarchiesOf(this.#parent.layout);
    const attemptAll = (): true | undefined => {
      left = left.filter((hierarchy) => !removeIn(this.#parent.directoryIn(hierarchy), this.name));
      return left.length === 0 ? true : undefined;
    };
    if (attemptAll()) return;
    try {
      await poll(attemptAll, { everyMs: 5, timeoutMs, what: `remove cgroup "${this.path}"`, signal });
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.kind !== "deadline") throw thrown;
      const pids = this.pids();
      const why =
        pids.length === 0 ? "it is busy" : `processes are left in it: ${pids.slice(0, 10).join(", ")}`;
      throw new Failure("conflict", `cannot remove cgroup "${this.path}": ${why}`, { cause: thrown });
    }
  }

  /** One v1 hierarchy and v2: a process is in all of them, but may have moved itself in one. */
  #references(): { hierarchy: CgroupHierarchy; directory: number }[] {
    const { layout } = this.#parent;
    const v1 = referenceOf(layout.v1);
    const hierarchies = [...(layout.v2 === undefined ? [] : [layout.v2]), ...(v1 === undefined ? [] : [v1])];
    return hierarchies.map((hierarchy) => ({ hierarchy, directory: this.#parent.directoryIn(hierarchy) }));
  }
}

function referenceOf(hierarchies: readonly CgroupV1Hierarchy[]): CgroupV1Hierarchy | undefined {
  const holding = (controller: string): CgroupV1Hierarchy | undefined =>
    hierarchies.find((hierarchy) => hierarchy.controllers.includes(controller));
  return holding("pids") ?? holding("freezer") ?? holding("memory") ?? hierarchies[0];
}
