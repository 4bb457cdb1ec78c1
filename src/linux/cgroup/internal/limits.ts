import type { CgroupLimits } from "../../../model/limits.ts";
import type { EffectiveBlockIo } from "./block-io.ts";

/** Limits that the host can keep: checked, conflicts refused, nanoCpus turned into period and quota. */
export interface EffectiveLimits extends Omit<CgroupLimits, "nanoCpus" | "hugePages" | "blockIo"> {
  readonly blockIo?: EffectiveBlockIo | undefined;
  readonly hugePageFiles?: readonly { readonly file: string; readonly bytes: number }[] | undefined;
}
