import { formatBlockIo } from "./block-io.ts";
import { limitNames, type PlannedLimits } from "./limits.ts";
import type { Resources } from "../types/host-config.ts";

/** Limits in the API's words; what is not limited is left out. */
export function formatLimits(limits: PlannedLimits): Resources {
  const named = limitNames.flatMap(([name, field]) => {
    const value = limits[field];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(named),
    ...(limits.memorySwappiness === undefined ? {} : { MemorySwappiness: limits.memorySwappiness }),
    ...(limits.blockIo === undefined ? {} : formatBlockIo(limits.blockIo)),
  };
}
