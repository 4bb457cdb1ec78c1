import type { CgroupStatistics } from "../../../model/statistics.ts";
import { poll } from "../../../base/deadline.ts";
import { Failure } from "../../../base/failure.ts";
import { listNamespacePids, readProcessUsage } from "../../../linux/process/pid-namespace.ts";
import { findProcess, type ProcessIdentity, signalProcess } from "../../../linux/process/process.ts";
import type { CgroupHandle } from "../../dependencies.ts";

const SIGKILL = 9;
const KILL_MS = 10_000;

/**
 * The processes of a container without a cgroup, found by its pid namespace, whose end is that of its first process.
 * Undefined: it does not run.
 */
export class NoCgroup implements CgroupHandle {
  readonly #first: ProcessIdentity | undefined;

  constructor(first: ProcessIdentity | undefined) {
    this.#first = first;
  }

  pids(): readonly number[] {
    return this.#first === undefined ? [] : listNamespacePids(this.#first);
  }

  oomKills(): number {
    return 0;
  }

  async statistics(): Promise<CgroupStatistics | undefined> {
    const pids = this.pids();
    if (pids.length === 0) return undefined;
    const { userNs, systemNs, memoryBytes, threads } = readProcessUsage(pids);
    return {
      cpu: { totalNs: userNs + systemNs, userNs, systemNs },
      memory: { usageBytes: memoryBytes, details: {} },
      pids: { current: threads },
      hugePages: {},
      pressure: {},
    };
  }

  /** KERNEL: with the first process of a pid namespace all others of it are killed. */
  async killAll(): Promise<void> {
    const first = this.#first;
    if (first === undefined) return;
    using pidfd = findProcess(first);
    if (pidfd === undefined) return;
    signalProcess(pidfd.fd, SIGKILL);
    await poll(() => (this.pids().length === 0 ? true : undefined), {
      everyMs: 5,
      timeoutMs: KILL_MS,
      what: `kill the processes of process ${first.pid}`,
    });
  }

  async freeze(): Promise<void> {
    throw new Failure(
      "unsupported",
      "cannot stop all processes of the container at once: it has no cgroup (--cgroups disabled)",
    );
  }

  thaw(): void {}

  isFrozen(): boolean {
    return false;
  }

  change(): () => void {
    throw new Failure("invalid", "cannot limit the container: it has no cgroup (--cgroups disabled)");
  }

  async remove(): Promise<void> {}
}
