import type { FaultPoint } from "../../src/base/fault.ts";

/** Where a daemon can be killed while a thread copies its records, in their order. */
export const copyPoints: readonly FaultPoint[] = [
  "records.copied",
  "records.joined",
  "records.older",
  "records.newest",
];

/** Where an engine can be killed while it migrates the records of an older version. */
export const migrationPoints: readonly FaultPoint[] = ["state.migrated"];

/** Where `tare system repair` can be killed, in their order. */
export const repairPoints: readonly FaultPoint[] = [
  "repair.copied",
  "repair.added",
  "repair.aside",
  "repair.moved",
];
