import type { ContainerWaitResponse, StartTiming } from "../api/types/container.ts";
import type { AttachedConnection } from "./transport.ts";

export interface AttachParameters {
  readonly stdin?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  /** First what the log holds. */
  readonly logs?: boolean | undefined;
  /** Go on with what comes. */
  readonly stream?: boolean | undefined;
  readonly detachKeys?: string | undefined;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

/** A container that runs, its streams joined. `exit` rejects when the connection breaks. */
export interface StartedRun {
  readonly connection: AttachedConnection;
  /** Undefined when another client has started the container. */
  readonly timing: StartTiming | undefined;
  readonly exit: Promise<ContainerWaitResponse>;
}
