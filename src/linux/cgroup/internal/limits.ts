import type { EffectiveBlockIo } from "./block-io.ts";

/** Limits that the host can keep: checked, conflicts refused, nanoCpus turned into period and quota. */
export interface EffectiveLimits {
  readonly memoryBytes?: number | undefined;
  /** −1: explicitly unlimited. */
  readonly memorySwapBytes?: number | undefined;
  readonly memoryReservationBytes?: number | undefined;
  readonly oomKillDisable?: true | undefined;
  readonly cpuShares?: number | undefined;
  readonly cpuPeriodUs?: number | undefined;
  readonly cpuQuotaUs?: number | undefined;
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  readonly pidsLimit?: number | undefined;
  readonly memorySwappiness?: number | undefined;
  readonly kernelTcpBytes?: number | undefined;
  readonly cpuRealtimePeriodUs?: number | undefined;
  readonly cpuRealtimeRuntimeUs?: number | undefined;
  readonly blockIo?: EffectiveBlockIo | undefined;
  readonly hugePageFiles?: readonly { readonly file: string; readonly bytes: number }[] | undefined;
  readonly unified?: Readonly<Record<string, string>> | undefined;
}
