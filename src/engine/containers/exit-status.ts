import type { ProcessEnd } from "../../runtime/types.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { ExitStatus } from "../../model/container-state.ts";

/** The shell's convention: a signal is 128 + its number. */
export function exitCodeOf(end: ProcessEnd): number {
  return "code" in end ? end.code : 128 + end.signal;
}

/** Of the last run; a container that never ran has ended well. */
export function exitStatusOf({ state }: ContainerRecord): ExitStatus {
  if (state.status !== "exited" && state.status !== "restarting") return { code: 0, oomKilled: false };
  const { code, oomKilled, error } = state;
  return { code, oomKilled, error };
}
