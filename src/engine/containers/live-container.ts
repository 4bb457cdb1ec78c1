import type { KeptProcess } from "../../runtime/types.ts";

/** A container's run that goes on. */
export interface LiveContainer {
  readonly kept: KeptProcess;
  /**
   * Resolves when the end is in the state, or the engine is being closed: attached streams end after it. Never rejects.
   */
  readonly ended: Promise<void>;
  /** Its end is half of a restart: the container stays, also with autoRemove. */
  isRestarting?: boolean | undefined;
  /** Resolves when the state contains the end and all waiting callers were notified. Never rejects. */
  readonly recorded: Promise<void>;
}
