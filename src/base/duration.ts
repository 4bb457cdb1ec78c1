import { Failure } from "./failure.ts";

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds (fractions kept) meant by a Go duration: `1m30s`, `-1.5h`, `300ms`, `0`.
 * Undefined for text that is none; parseDuration() throws instead.
 */
export function findDuration(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const body = text.replace(/^[+-]/, "");
  if (body === "0") return 0;
  const parts = body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g);
  let total = 0;
  let end = 0;
  for (const part of parts) {
    if (part.index !== end) return undefined;
    end += part[0].length;
    total += Number(part[1]) * (unitMs[part[2] ?? ""] ?? 0);
  }
  return end === 0 || end !== body.length ? undefined : sign * total;
}

/** As findDuration(); throws Failure("invalid") for text that is no Go duration. */
export function parseDuration(text: string): number {
  const ms = findDuration(text);
  if (ms === undefined)
    throw new Failure("invalid", `cannot read duration "${text}": want for example 10s or 1m30s`);
  return ms;
}

/** The text Go prints for a duration: `1m30s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  const sign = ms < 0 ? "-" : "";
  const size = Math.abs(ms);
  if (size < 1e-3) return `${sign}${Math.round(size * 1e6)}ns`;
  if (size < 1) return `${sign}${round(size * 1e3, 3)}µs`;
  if (size < 1000) return `${sign}${round(size, 6)}ms`;
  const hours = Math.floor(size / 3_600_000);
  const minutes = Math.floor((size % 3_600_000) / 60_000);
  const seconds = `${round((size % 60_000) / 1000, 9)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  if (minutes > 0) return `${sign}${minutes}m${seconds}`;
  return `${sign}${seconds}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Docker's words for a length of time: `Less than a second`, `5 minutes`, `About an hour`, `3 weeks`. */
export function formatHumanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(ms / 60_000);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(ms / 3_600_000 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(ms / 3_600_000 / 24 / 365)} years`;
}
