import { mergeDefined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type { ContainerLimits } from "../../model/limits.ts";
import { mergeBlockIo } from "./block-devices.ts";

/**
 * The limits after an update: what is absent stays. −1 lifts the limit of processes or CPU time, and that it was lifted
 * stays in the record, as 0 and −1, since inspect of dockerd shows it. Pure. Throws "conflict" in Docker's words for
 * what contradicts a limit that stays.
 */
export function resolveUpdatedLimits(
  before: ContainerLimits,
  asked: ContainerLimits,
  { id }: { readonly id: string },
): ContainerLimits {
  const has = (value: number | undefined): boolean => (value ?? 0) > 0;
  const hasQuota = has(before.cpuQuotaUs);
  if (has(asked.nanoCpus) && (hasQuota || has(before.cpuPeriodUs))) {
    const which = hasQuota ? "Quota" : "Period";
    throw cannotUpdate(
      id,
      `Conflicting options: Nano CPUs cannot be updated as CPU ${which} has already been set`,
    );
  }
  if (has(before.nanoCpus) && (has(asked.cpuQuotaUs) || has(asked.cpuPeriodUs))) {
    const which = has(asked.cpuQuotaUs) ? "Quota" : "Period";
    throw cannotUpdate(
      id,
      `Conflicting options: CPU ${which} cannot be updated as NanoCPUs has already been set`,
    );
  }
  const { pidsLimit, cpuQuotaUs, ...others } = mergeDefined(withSwap(before, asked, id), asked);
  return mergeDefined<ContainerLimits>(others, {
    blockIo: mergeBlockIo(before.blockIo, asked.blockIo),
    hugePages: asked.hugePages && { ...before.hugePages, ...asked.hugePages },
    unified: asked.unified && { ...before.unified, ...asked.unified },
    pidsLimit: pidsLimit === undefined ? undefined : Math.max(pidsLimit, 0),
    cpuQuotaUs,
  });
}

/**
 * A memory limit always has a limit with swap, explicit or implicit: it stays until it is changed itself.
 * SPEC: dockerd also refuses a memory limit alone for a container that has neither, or an unlimited one with swap.
 */
function withSwap(before: ContainerLimits, asked: ContainerLimits, id: string): ContainerLimits {
  const { memoryBytes = 0, memorySwapBytes = 0 } = before;
  if (asked.memoryBytes === undefined || asked.memorySwapBytes !== undefined) return before;
  const swap = memorySwapBytes === 0 ? memoryBytes * 2 : memorySwapBytes;
  if (asked.memoryBytes > swap) {
    throw cannotUpdate(
      id,
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  }
  return { ...before, memorySwapBytes: swap };
}

/** In dockerd's words. */
export function cannotUpdate(id: string, why: string): Failure {
  return new Failure("conflict", `Cannot update container ${id}: ${why}`);
}
