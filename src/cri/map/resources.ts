import { Failure } from "../../base/failure.ts";
import type { ContainerResources } from "../../model/container-spec.ts";
import type { ContainerLimits } from "../../model/limits.ts";
import type { Message, Reply } from "../codings.ts";

type LinuxResources = Message<"LinuxContainerResources">;

/** SPEC: runtime.v1.LinuxContainerResources: 0 and "" are not set. */
export function limitsOf(resources: LinuxResources | null): ContainerLimits {
  if (resources === null) return {};
  const memoryBytes = positive(resources.memory_limit_in_bytes);
  return {
    cpuPeriodUs: positive(resources.cpu_period),
    cpuQuotaUs: resources.cpu_quota === 0 ? undefined : resources.cpu_quota,
    cpuShares: positive(resources.cpu_shares),
    memoryBytes,
    // Without a limit of its own, a container may not use swap: its memory and swap are its memory.
    memorySwapBytes: positive(resources.memory_swap_limit_in_bytes) ?? memoryBytes,
    cpusetCpus: text(resources.cpuset_cpus),
    cpusetMems: text(resources.cpuset_mems),
    hugePages: hugePagesOf(resources),
    unified: Object.keys(resources.unified).length === 0 ? undefined : resources.unified,
  };
}

/** The same back, with the score of the out-of-memory killer. */
export function encodeResources({
  limits = {},
  oomScoreAdj = 0,
}: Pick<ContainerResources, "limits" | "oomScoreAdj">): Reply<"LinuxContainerResources"> {
  return {
    cpu_period: limits.cpuPeriodUs ?? 0,
    cpu_quota: limits.cpuQuotaUs ?? 0,
    cpu_shares: limits.cpuShares ?? 0,
    memory_limit_in_bytes: limits.memoryBytes ?? 0,
    memory_swap_limit_in_bytes: limits.memorySwapBytes ?? 0,
    oom_score_adj: oomScoreAdj,
    cpuset_cpus: limits.cpusetCpus ?? "",
    cpuset_mems: limits.cpusetMems ?? "",
    hugepage_limits: Object.entries(limits.hugePages ?? {}).map(([page_size, limit]) => ({
      page_size,
      limit,
    })),
    unified: limits.unified ?? {},
  };
}

/** Undefined for 0, which a kubelet sends for containers without a score, too. */
export function oomScoreAdjOf(resources: LinuxResources | null): number | undefined {
  const score = resources?.oom_score_adj ?? 0;
  if (score < -1000 || score > 1000)
    throw new Failure("invalid", `cannot set the oom_score_adj ${score}: want -1000 to 1000`);
  return score === 0 ? undefined : score;
}

function hugePagesOf({ hugepage_limits: pages }: LinuxResources): ContainerLimits["hugePages"] {
  if (pages.length === 0) return undefined;
  return Object.fromEntries(pages.map(({ page_size, limit }) => [page_size, limit]));
}

function positive(value: number): number | undefined {
  return value > 0 ? value : undefined;
}

function text(value: string): string | undefined {
  return value === "" ? undefined : value;
}
