import type { Inheritance } from "./keeper/inheritance.ts";
import type { Plan, PlanBlob } from "./plan/plan.ts";
import type { PlannedProcess } from "./plan/process.ts";
import type { CallWatch } from "./types.ts";
import { createCallRecord } from "./traced-calls.ts";

/**
 * Prepares the keeper to answer the calls that a filter hands over. Empties the record; `opened` closes our copy of it.
 */
export function planSeccompPolicy(
  { seccomp }: PlannedProcess,
  options: {
    readonly watch: CallWatch | undefined;
    readonly blob: PlanBlob;
    readonly inheritance: Inheritance;
    readonly opened: DisposableStack;
  },
): Pick<Plan, "seccompPolicy"> {
  const { watch, blob, inheritance, opened } = options;
  if (seccomp?.traced === undefined || watch === undefined) return {};
  const record = opened.use(createCallRecord(watch.recordPath));
  return {
    seccompPolicy: { program: blob.put(seccomp.traced.policy), recordFd: inheritance.add(record.fd) },
  };
}
