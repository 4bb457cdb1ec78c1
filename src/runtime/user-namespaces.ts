import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, within } from "../base/failure.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { CLONE_NEWUSER } from "../linux/constants/clone.ts";
import { duplicateFd, type OwnedFd } from "../linux/fd.ts";
import { openDirectoryPath } from "../linux/open.ts";
import { openUserNamespace, writeIdMaps } from "../linux/user-namespace.ts";
import { formatIdMap, type IdMaps } from "../spec/id-map.ts";
import { describeFailure } from "./keeper/describe-failure.ts";
import { answer, encodeRequest, FrameReader } from "./keeper/frames.ts";
import { Inheritance, startKeeper } from "./keeper/launch.ts";
import { encodePlan } from "./plan/encode.ts";
import { type Plan, PlanBlob, PlanList } from "./plan/plan.ts";
import { addBarrier, bornBarrier } from "./plan/report.ts";
import type { KeeperProgram } from "./types.ts";

/** So many are kept: a removed container's ids go to the next one, which finds its namespace here. */
const mostKept = 64;
const deadlineMs = 10_000;

/**
 * User namespaces that nobody is in: what idmapped mounts take their ids from. No container ever runs in one; two containers
 * with the same ids share no more than the numbers.
 */
export class UserNamespaces implements Disposable {
  readonly #program: KeeperProgram;
  readonly #runRoot: string;
  readonly #kept = new Map<string, OwnedFd>();
  readonly #locks = new KeyedLock();

  constructor(program: KeeperProgram, runRoot: string) {
    this.#program = program;
    this.#runRoot = runRoot;
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
    const path = mkdtempSync(join(this.#runRoot, "userns-"));
    try {
      using directory = openDirectoryPath(path);
      const { socket, spawnFailed } = await startKeeper({
        program: this.#program,
        id: "userns",
        directory,
        inheritance: new Inheritance(),
        onInherited: () => {},
      });
      try {
        const plan = planNamespace();
        socket.write(Buffer.concat([encodeRequest("plan"), encodePlan(plan)]));
        const pid = await Promise.race([untilBorn(plan, new FrameReader(socket)), spawnFailed]);
        writeIdMaps(pid, maps);
        return openUserNamespace(pid);
      } finally {
        socket.destroy(); // the keeper ends, and the process with it
      }
    } catch (thrown) {
      throw within("cannot make a user namespace", thrown);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

function planNamespace(): Plan {
  const blob = new PlanBlob();
  const child = new PlanList();
  addBarrier(child, blob, blob.reserve(16), bornBarrier, "wait for the engine");
  return {
    before: new PlanList(),
    child,
    blob,
    cloneFlags: CLONE_NEWUSER,
    streams: {},
    keep: false,
    terminal: false,
    closeStdin: false,
    dieWithCaller: true,
    deadlineMs,
    keptFds: [],
  };
}

/** The pid of the process that waits in the new namespace. */
async function untilBorn(plan: Plan, reader: FrameReader): Promise<number> {
  let pid = 0;
  for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
    if (frame.kind === answer.born) pid = frame.payload.readInt32LE(0);
    else if (frame.kind === answer.failed) throw describeFailure(plan, frame.payload);
    else if (frame.kind === answer.barrier && pid > 0) return pid;
    else break;
  }
  throw new Failure("unavailable", "its process ended");
}
