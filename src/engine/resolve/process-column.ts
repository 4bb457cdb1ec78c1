import type { ProcessDetails } from "../../linux/process/process-details.ts";

export interface ProcessColumn {
  readonly title: string;
  readonly format: (process: ProcessDetails, facts: ProcessTableFacts) => string;
}

/** The data that the columns need besides the processes. */
export interface ProcessTableFacts {
  readonly nowMs: number;
  readonly uptimeSeconds: number;
  readonly memoryBytes: number;
  /** Names of the host's users and groups; a number without one stays a number. */
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}
