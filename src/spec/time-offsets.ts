import { isOneOf } from "../base/keys.ts";
import { findDuration, formatDuration } from "../base/duration.ts";
import { Failure } from "../base/failure.ts";

/** How far the clocks of a time namespace are from the host's, in milliseconds. SPEC: time_namespaces(7) */
export interface TimeOffsets {
  /** Of CLOCK_MONOTONIC. */
  readonly monotonicMs?: number | undefined;
  /** Of CLOCK_BOOTTIME, and so of the uptime. */
  readonly boottimeMs?: number | undefined;
}

/** KERNEL: the offset may not bring a clock beyond half of what a 64-bit number of nanoseconds counts. */
const mostMs = 4_611_686_018_000;

const clocks = ["monotonic", "boottime"] as const;

/** `-1h30m` for both clocks, or `monotonic=24h,boottime=168h`. Throws "invalid". */
export function parseTimeOffsets(text: string): TimeOffsets {
  if (!text.includes("=")) {
    const ms = readOffset(text, text);
    return { monotonicMs: ms, boottimeMs: ms };
  }
  const offsets: { monotonicMs?: number | undefined; boottimeMs?: number | undefined } = {};
  for (const part of text.split(",")) {
    const [, clock, duration = ""] = /^(monotonic|boottime)=(.*)$/.exec(part) ?? [];
    if (!isOneOf(clocks, clock))
      throw refused(text, `"${part.slice(0, 50)}" is neither monotonic= nor boottime=`);
    const key = `${clock}Ms` as const;
    if (offsets[key] !== undefined) throw refused(text, `${clock} is given twice`);
    offsets[key] = readOffset(duration, text);
  }
  return offsets;
}

function readOffset(duration: string, text: string): number {
  const ms = findDuration(duration);
  if (ms === undefined) throw refused(text, `"${duration.slice(0, 50)}" is no duration, as 90s or -1h30m`);
  if (Math.abs(ms) > mostMs) throw refused(text, "a clock can be shifted by 146 years at most");
  return ms;
}

/** The way back. */
export function formatTimeOffsets({ monotonicMs, boottimeMs }: TimeOffsets): string {
  return [
    ...(monotonicMs === undefined ? [] : [`monotonic=${formatDuration(monotonicMs)}`]),
    ...(boottimeMs === undefined ? [] : [`boottime=${formatDuration(boottimeMs)}`]),
  ].join(",");
}

/** Whole seconds and what is left, never negative, as the kernel and the OCI specification want it. */
export function splitSeconds(ms: number): { readonly secs: number; readonly nanosecs: number } {
  const ns = BigInt(Math.round(ms * 1000)) * 1000n;
  const rest = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { secs: Number((ns - rest) / 1_000_000_000n), nanosecs: Number(rest) };
}

function refused(text: string, detail: string): Failure {
  return new Failure("invalid", `invalid time offset "${text.slice(0, 100)}": ${detail}`);
}
