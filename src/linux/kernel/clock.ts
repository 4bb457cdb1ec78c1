import { readFileSync } from "node:fs";
import { call } from "./syscall.ts";

const CLOCK_MONOTONIC = 1;

/** Milliseconds of the kernel's monotonic clock: the one that other processes read too (a runtime's own may begin elsewhere). */
export function monotonicMs(): number {
  const time = Buffer.alloc(16);
  call("clock_gettime", CLOCK_MONOTONIC, time);
  return Number(time.readBigInt64LE(0)) * 1000 + Number(time.readBigInt64LE(8)) / 1e6;
}

/** How far the monotonic clock of a process is from the host's; 0 without a time namespace of its own, or when it has ended. */
export function readMonotonicShiftMs(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/timens_offsets`, "latin1");
    const [, seconds, nanoseconds] = /^monotonic\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
    return Number(seconds ?? 0) * 1000 + Number(nanoseconds ?? 0) / 1e6;
  } catch {
    return 0;
  }
}
