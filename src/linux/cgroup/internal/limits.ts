import type { EffectiveBlockIo } from "./block-io.ts";

/** Limits that the host can keep: checked, conflicts refused, nanoCpus turned into period and quota. */
export interface EffectiveLimits {
  readonly memoryBytes?: number;
  /** −1: explicitly unlimited. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly oomKillDisable?: true;
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuQuotaUs?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pidsLimit?: number;
  readonly memorySwappiness?: number;
  readonly kernelTcpBytes?: number;
  readonly cpuRealtimePeriodUs?: number;
  readonly cpuRealtimeRuntimeUs?: number;
  readonly blockIo?: EffectiveBlockIo;
  readonly hugePageFiles?: readonly { readonly file: string; readonly bytes: number }[];
  readonly unified?: Readonly<Record<string, string>>;
}
