import type { KeptProcess } from "../../runtime/types.ts";

/** A container's run that goes on. */
export interface LiveContainer {
  readonly kept: KeptProcess;
  /** Resolves when the end is in the state and all who waited were told. Never rejects. */
  readonly recorded: Promise<void>;
}
