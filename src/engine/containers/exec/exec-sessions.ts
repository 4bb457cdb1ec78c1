import { Failure } from "../../../base/failure.ts";
import type { KeptProcess } from "../../../runtime/types.ts";
import type { ExitStatus } from "../../../model/container-state.ts";
import type { ExecDetails, ExecSpec } from "../../../model/execs.ts";
import type { ContainerId, ExecId } from "../../../model/ids.ts";

/** SAFETY: unbounded sessions were a way to exhaust a host's memory (containerd 2022-23471). */
const MOST_OPEN = 512;
/** So many that have ended stay visible in one container. */
const ENDED_KEPT = 64;

/** A program that was, is or will be run in a container. */
export interface ExecSession {
  readonly id: ExecId;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  /** It is a health check: its events are not stored, and another engine ends it. */
  readonly isCheck?: boolean | undefined;
  state: ExecDetails["state"] | { readonly status: "starting" };
  kept?: KeptProcess | undefined;
  /** Resolves when it has ended. */
  readonly ended: Promise<ExitStatus>;
  readonly end: (status: ExitStatus) => void;
}

/** The sessions of all containers, in memory only: they end with their container, and their records with the engine. */
export class ExecSessions implements AsyncDisposable {
  readonly #byId = new Map<string, ExecSession>();
  /** Containers that are just being frozen, each with what resolves when that is over. */
  readonly #held = new Map<ContainerId, Promise<void>>();
  /** Programs of an earlier life of the engine, whose sessions are forgotten. */
  readonly #orphans = new Set<KeptProcess>();
  readonly #starting = new Map<ContainerId, Set<Promise<unknown>>>();

  /** Throws "exhausted" when too many are open in the container. */
  add(session: Pick<ExecSession, "id" | "containerId" | "spec" | "isCheck">): ExecSession {
    const siblings = this.ofContainer(session.containerId);
    const ended = siblings.filter((each) => each.state.status === "exited");
    if (siblings.length - ended.length >= MOST_OPEN) {
      throw new Failure(
        "exhausted",
        `cannot exec in container "${session.containerId}": ${MOST_OPEN} sessions are open in it`,
      );
    }
    for (const old of ended.slice(0, Math.max(0, ended.length - ENDED_KEPT))) this.#byId.delete(old.id);
    const { promise, resolve } = Promise.withResolvers<ExitStatus>();
    const added: ExecSession = { ...session, state: { status: "created" }, ended: promise, end: resolve };
    this.#byId.set(added.id, added);
    return added;
  }

  /** Throws "not-found". */
  get(id: string): ExecSession {
    const exact = this.#byId.get(id);
    if (exact !== undefined) return exact;
    throw new Failure("not-found", `cannot find exec session "${id.slice(0, 100)}"`, {
      details: { exec: id },
    });
  }

  /** Forgets a session; its program runs on. */
  remove(id: ExecId): void {
    this.#byId.delete(id);
  }

  ofContainer(id: ContainerId): readonly ExecSession[] {
    return [...this.#byId.values()].filter((session) => session.containerId === id);
  }

  /**
   * Runs `work`, which starts a process in the container, but not while that is being frozen: a child born into a
   * frozen cgroup would not come to its program.
   */
  async start<T>(id: ContainerId, work: () => Promise<T>): Promise<T> {
    for (let held = this.#held.get(id); held !== undefined; held = this.#held.get(id)) await held;
    const starting = this.#starting.get(id) ?? new Set();
    this.#starting.set(id, starting);
    const task = work();
    starting.add(task);
    try {
      return await task;
    } finally {
      starting.delete(task);
      if (starting.size === 0) this.#starting.delete(id);
    }
  }

  /**
   * Waits for those that are being started; others wait until the result is disposed of. The container's lock is held.
   */
  async hold(id: ContainerId): Promise<Disposable> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(id, promise);
    await Promise.allSettled(this.#starting.get(id) ?? []);
    return {
      [Symbol.dispose]: () => {
        this.#held.delete(id);
        resolve();
      },
    };
  }

  keep(orphan: KeptProcess): void {
    this.#orphans.add(orphan);
  }

  drop(orphan: KeptProcess): void {
    this.#orphans.delete(orphan);
  }

  /** Lets go of all programs; they run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    const started = [...this.#byId.values()].flatMap(({ kept }) => (kept === undefined ? [] : [kept]));
    for (const kept of [...started, ...this.#orphans]) await kept[Symbol.asyncDispose]();
  }

  forget(id: ContainerId): void {
    for (const session of this.ofContainer(id)) this.#byId.delete(session.id);
  }
}
