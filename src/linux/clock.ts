import { call } from "./syscall.ts";

const CLOCK_MONOTONIC = 1;

/** Milliseconds of the kernel's monotonic clock: the one that other processes read too (a runtime's own may begin elsewhere). */
export function monotonicMs(): number {
  const time = Buffer.alloc(16);
  call("clock_gettime", CLOCK_MONOTONIC, time);
  return Number(time.readBigInt64LE(0)) * 1000 + Number(time.readBigInt64LE(8)) / 1e6;
}
