import { defined } from "../../base/defined.ts";
import type { ImageHealthcheck } from "../../spec/image/config.ts";
import type { HealthConfig } from "../types/container-config.ts";

/** Undefined for a check without any setting. The engine checks the values. */
export function parseHealthcheck(check: HealthConfig | null | undefined): ImageHealthcheck | undefined {
  const parsed = defined({
    intervalNs: check?.Interval || undefined,
    timeoutNs: check?.Timeout || undefined,
    startPeriodNs: check?.StartPeriod || undefined,
    startIntervalNs: check?.StartInterval || undefined,
    retries: check?.Retries || undefined,
  });
  const test = check?.Test ?? [];
  return test.length === 0 && Object.keys(parsed).length === 0 ? undefined : { test, ...parsed };
}

/** The way back. */
export function formatHealthcheck(check: ImageHealthcheck): HealthConfig {
  return {
    Test: check.test,
    Interval: check.intervalNs,
    Timeout: check.timeoutNs,
    Retries: check.retries,
    StartPeriod: check.startPeriodNs,
    StartInterval: check.startIntervalNs,
  };
}
