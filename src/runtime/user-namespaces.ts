import { within } from "../base/failure.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { CLONE_NEWUSER } from "../linux/constants/clone.ts";
import { duplicateFd, type OwnedFd } from "../linux/kernel/fd.ts";
import { openUserNamespace, writeIdMaps } from "../linux/namespaces/user-namespace.ts";
import { formatIdMap, type IdMaps } from "../spec/id-map.ts";
import { removeOldHelperProcesses, runHelperProcess } from "./keeper/helper-process.ts";
import { type Plan, PlanBlob, PlanList } from "./plan/plan.ts";
import { addBarrier, bornBarrier } from "./plan/report.ts";
import type { KeeperProgram } from "./keeper-program.ts";

/** So many are kept: a removed container's ids go to the next one, which finds its namespace here. */
const mostKept = 64;

/**
 * User namespaces without processes: idmapped mounts take their ID maps from them. No container ever runs in one; two
 * containers with the same IDs share only the numbers.
 */
export class UserNamespaces implements Disposable {
  readonly #program: KeeperProgram;
  readonly #runRoot: string;
  readonly #kept = new Map<string, OwnedFd>();
  readonly #locks = new KeyedLock();

  constructor(program: KeeperProgram, runRoot: string) {
    this.#program = program;
    this.#runRoot = runRoot;
    removeOldHelperProcesses(runRoot);
  }

  /** One with these ids; the caller disposes of the descriptor. */
  async open(maps: IdMaps): Promise<OwnedFd> {
    const key = `${formatIdMap(maps.uids)}/${formatIdMap(maps.gids)}`;
    using _ = await this.#locks.acquire(key);
    let found = this.#kept.get(key);
    if (found === undefined) found = await this.#make(maps);
    this.#kept.delete(key);
    this.#kept.set(key, found);
    for (const [old, fd] of this.#kept) {
      if (this.#kept.size <= mostKept) break;
      this.#kept.delete(old);
      fd[Symbol.dispose]();
    }
    return duplicateFd(found.fd);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#kept.values()) fd[Symbol.dispose]();
    this.#kept.clear();
  }

  /** By a process that is in it for as long as it takes to open it. */
  async #make(maps: IdMaps): Promise<OwnedFd> {
    try {
      return await runHelperProcess(
        this.#program,
        { name: "userns", runRoot: this.#runRoot, plan: planNamespace, barrier: bornBarrier },
        ({ pid }) => {
          writeIdMaps(pid, maps);
          return openUserNamespace(pid);
        },
      );
    } catch (thrown) {
      throw within("cannot make a user namespace", thrown);
    }
  }
}

function planNamespace(): Pick<Plan, "child" | "blob" | "cloneFlags"> {
  const blob = new PlanBlob();
  const child = new PlanList();
  addBarrier(child, blob, blob.reserve(16), bornBarrier, "wait for the engine");
  return { child, blob, cloneFlags: CLONE_NEWUSER };
}
