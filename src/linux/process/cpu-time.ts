import type { HostCpuTime } from "../../model/statistics.ts";
import { readFileSync } from "node:fs";

/** A tick of /proc/stat is a hundredth of a second, whatever the kernel's own clock is. */
const nsPerTick = 10_000_000;
/** user, nice, system, idle, iowait, irq, softirq, steal; what comes after is counted in user already. */
const counted = 8;

/** From the text of /proc/stat. SPEC: proc_stat(5) */
export function parseHostCpuTime(text: string): HostCpuTime {
  const ticks = /^cpu +(.*)$/m.exec(text)?.[1]?.split(" ").slice(0, counted).map(Number) ?? [];
  return {
    totalNs: ticks.reduce((sum, value) => sum + value, 0) * nsPerTick,
    onlineCpus: text.match(/^cpu\d+ /gm)?.length ?? 0,
  };
}

let last: { readonly atMs: number; readonly time: HostCpuTime } | undefined;

/** One reading serves all that ask within a tick: the figure does not change meanwhile. */
export function readHostCpuTime(): HostCpuTime {
  const nowMs = performance.now();
  if (last === undefined || nowMs - last.atMs > nsPerTick / 1e6) {
    last = { atMs: nowMs, time: parseHostCpuTime(readFileSync("/proc/stat", "latin1")) };
  }
  return last.time;
}
