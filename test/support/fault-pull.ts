import type { FaultPoint } from "../../src/base/fault.ts";

/** Where a pull can be killed, in the order in which it comes by. */
export const pullPoints: readonly FaultPoint[] = [
  "pull.resolved",
  "pull.configured",
  "blob.part",
  "layer.synced",
  "layer.named",
  "blob.synced",
  "blob.named",
  "pull.layers",
  "pull.documents",
  "transaction.written",
  "image.recorded",
];

/** By then all layers are in the store. */
export const lateFrom: number = pullPoints.indexOf("pull.layers");
