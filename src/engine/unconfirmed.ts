import type { State } from "./state/state.ts";

/** The fact that the records were repaired and that the user has not confirmed the result; its value is the time. */
export const unconfirmedFact = "repaired";

/** While this is true, the engine removes nothing that has no record. */
export function isUnconfirmed(state: State): boolean {
  return state.findFact(unconfirmedFact) !== undefined;
}
