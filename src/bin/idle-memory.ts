import { releaseOwnCode } from "../linux/kernel/own-code.ts";

const lookEveryMs = 2_000;
/** Below this much processor time between two looks the daemon counts as idle. */
const idleCpuMs = 40;

/**
 * Gives memory back when the daemon has become idle after work: collects garbage once, and lets go of its code. Left to
 * itself the collector waits for an allocation that an idle daemon never makes. Does not keep the process alive.
 */
export function giveMemoryBackWhenIdle(): void {
  let last = cpuMs();
  let worked = true;
  const timer = setInterval(() => {
    const now = cpuMs();
    const busy = now - last > idleCpuMs;
    last = now;
    if (busy) worked = true;
    else if (worked) {
      worked = false;
      Bun.gc(true);
      Bun.shrink();
      try {
        releaseOwnCode();
      } catch {} // a wish: where procfs can't be read, or the code is locked, it stays
      last = cpuMs();
    }
  }, lookEveryMs);
  timer.unref();
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
