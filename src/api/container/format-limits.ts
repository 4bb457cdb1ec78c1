import { formatBlockIo } from "./block-io.ts";
import type { ContainerLimits } from "../../model/limits.ts";
import { limitNames } from "./limits.ts";
import type { Resources } from "../types/host-config.ts";

/** Limits in the API's words; what is not limited is left out. */
export function formatLimits(limits: ContainerLimits): Resources {
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
