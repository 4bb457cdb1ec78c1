import type { FaultPoint } from "../../src/base/fault.ts";

/** Where a push that compresses a layer is killed. */
export const pushPoints: readonly FaultPoint[] = [
  "layer.compressed",
  "compressed.recorded",
  "blob.synced",
  "blob.named",
];
