import { readFileSync } from "node:fs";
import { call } from "./syscall.ts";

const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;

/**
 * Milliseconds of the kernel's monotonic clock: the one that other processes read too (a runtime's own may begin
 * elsewhere).
 */
export function monotonicMs(): number {
  return readClockMs(CLOCK_MONOTONIC);
}

/** Milliseconds since the host booted, those of a suspended host included. */
export function boottimeMs(): number {
  return readClockMs(CLOCK_BOOTTIME);
}

function readClockMs(clock: number): number {
  const time = Buffer.alloc(16);
  call("clock_gettime", clock, time);
  return Number(time.readBigInt64LE(0)) * 1000 + Number(time.readBigInt64LE(8)) / 1e6;
}

// SPEC: adjtimex(2), linux/timex.h: struct timex { u32 modes; s64 offset, freq, maxerror, esterror; s32 status; … }
const timexBytes = 208;
const statusAt = 40;
const STA_UNSYNC = 0x40;

/** Whether a program keeps the clock in step with others. */
export function isClockSynchronized(): boolean {
  const timex = Buffer.alloc(timexBytes);
  call("adjtimex", timex);
  return (timex.readInt32LE(statusAt) & STA_UNSYNC) === 0;
}

/**
 * How far the monotonic clock of a process is from the host's; 0 without a time namespace of its own, or when it has
 * ended.
 */
export function readMonotonicShiftMs(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/timens_offsets`, "latin1");
    const [, seconds, nanoseconds] = /^monotonic\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
    return Number(seconds ?? 0) * 1000 + Number(nanoseconds ?? 0) / 1e6;
  } catch {
    return 0;
  }
}
