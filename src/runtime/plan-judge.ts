import type { Inheritance } from "./keeper/inheritance.ts";
import type { Plan, PlanBlob } from "./plan/plan.ts";
import type { PlannedProcess } from "./plan/process.ts";
import type { CallWatch } from "./types.ts";
import { createCallRecord } from "./watched-calls.ts";

/** What a keeper needs to answer the calls that it is handed. Empties the record; `opened` closes our copy of it. */
export function planJudge(
  { seccomp }: PlannedProcess,
  options: {
    readonly watch: CallWatch | undefined;
    readonly blob: PlanBlob;
    readonly inheritance: Inheritance;
    readonly opened: DisposableStack;
  },
): Pick<Plan, "judge"> {
  const { watch, blob, inheritance, opened } = options;
  if (seccomp?.watched === undefined || watch === undefined) return {};
  const record = opened.use(createCallRecord(watch.recordPath));
  return {
    judge: { program: blob.put(seccomp.watched.judge), recordFd: inheritance.add(record.fd) },
  };
}
