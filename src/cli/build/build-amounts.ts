import type { BuildStatus } from "../../api/types/build.ts";

const units = ["B", "kB", "MB", "GB", "TB"];

/** Bytes as BuildKit shows them: `106B`, `1.53kB`. */
export function formatAmount(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(2)}${units[unit]}`;
}

/** ` 1.20MB / 3.40MB`; "" where there is no amount. */
export function formatAmounts({ Current: current, Total: total = 0 }: BuildStatus): string {
  if (total > 0 && total !== current) return ` ${formatAmount(current)} / ${formatAmount(total)}`;
  if (total > 0 || current > 0) return ` ${formatAmount(current)}`;
  return "";
}
