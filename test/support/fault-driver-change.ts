import type { FaultPoint } from "../../src/base/fault.ts";

/**
 * Where an engine that changes its storage driver, and makes a container in the new one, can be killed, in the order in
 * which it comes by.
 */
export const driverChangePoints: readonly FaultPoint[] = [
  "storage.opened",
  "storage.noted",
  "trash.renamed",
  "layer.synced",
  "layer.named",
  "create.snapshot",
  "create.recorded",
];
