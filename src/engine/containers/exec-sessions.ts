import { Failure } from "../../base/failure.ts";
import type { KeptProcess } from "../../runtime/types.ts";
import type { ContainerId, ExecDetails, ExecSpec, ExitStatus } from "../types.ts";

/** SAFETY: unbounded sessions were a way to exhaust a host's memory (containerd 2022-23471). */
const MOST_OPEN = 512;
/** So many that have ended stay visible in one container. */
const ENDED_KEPT = 64;

/** A program that was, is or will be run in a container. */
export interface ExecSession {
  readonly id: string;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  state: ExecDetails["state"] | { readonly status: "starting" };
  kept?: KeptProcess;
  /** Resolves when it has ended. */
  readonly ended: Promise<ExitStatus>;
  readonly end: (status: ExitStatus) => void;
}

/** The sessions of all containers, in memory only: they end with their container, and their records with the engine. */
export class ExecSessions {
  readonly #byId = new Map<string, ExecSession>();

  /** Throws "exhausted" when too many are open in the container. */
  add(session: Pick<ExecSession, "id" | "containerId" | "spec">): ExecSession {
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
      details: { resource: "exec", reference: id },
    });
  }

  ofContainer(id: ContainerId): readonly ExecSession[] {
    return [...this.#byId.values()].filter((session) => session.containerId === id);
  }

  forget(id: ContainerId): void {
    for (const session of this.ofContainer(id)) this.#byId.delete(session.id);
  }
}
