import type { ImageHealthcheck } from "./config.ts";

/**
 * The container's own settings, each that is absent or 0 replaced by its image's. SPEC: dockerd merges them by field.
 * Undefined: neither has any.
 */
export function mergeHealthcheck(
  own: ImageHealthcheck | undefined,
  image: ImageHealthcheck | undefined,
): ImageHealthcheck | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  return {
    test: own.test.length === 0 ? image.test : own.test,
    intervalNs: own.intervalNs || image.intervalNs,
    timeoutNs: own.timeoutNs || image.timeoutNs,
    startPeriodNs: own.startPeriodNs || image.startPeriodNs,
    startIntervalNs: own.startIntervalNs || image.startIntervalNs,
    retries: own.retries || image.retries,
  };
}
