import type { HostFinding } from "../../model/host-check.ts";
import { installCommands } from "./distribution.ts";
import type { HostFacts } from "./facts.ts";
import { inGroup } from "./finding.ts";

const clock = inGroup("clock");

const plausibleFrom = 2025;
const plausibleUntil = 2100;
const jumpMs = 60_000;
/** Slow to read: each call of clock_gettime(2) enters the kernel or a device. */
const slowSources: ReadonlySet<string> = new Set(["acpi_pm", "hpet", "jiffies", "pit"]);

/** Pure. */
export function findClockFaults(facts: HostFacts): readonly HostFinding[] {
  return [date(facts), synchronization(facts), back(facts), jump(facts), source(facts)];
}

function date({ clock: { nowMs } }: HostFacts): HostFinding {
  const now = new Date(nowMs);
  const year = now.getUTCFullYear();
  if (year >= plausibleFrom && year < plausibleUntil) return clock("date", now.toISOString());
  return clock("date", now.toISOString(), {
    status: "warning",
    affects: "pulls and pushes: certificates of registries are not valid at that time",
    fix: ["date -u -s YYYY-MM-DDThh:mm:ss"],
  });
}

function synchronization({ clock: { isSynchronized }, hasSystemd, distribution }: HostFacts): HostFinding {
  if (isSynchronized === undefined) return clock("synchronization", "unknown", { status: "info" });
  if (isSynchronized) return clock("synchronization", "synchronized");
  const install = installCommands(distribution, "chrony");
  return clock("synchronization", "not synchronized (adjtimex)", {
    status: "info",
    affects: "times in logs and events may differ from those of other hosts",
    fix: hasSystemd ? ["timedatectl set-ntp true"] : install.length === 0 ? [] : [...install, "chronyd"],
  });
}

function back({ clock: { nowMs, newestRecordMs } }: HostFacts): HostFinding {
  const aheadMs = (newestRecordMs ?? 0) - nowMs;
  if (aheadMs <= jumpMs) return clock("records", "not newer than the clock");
  return clock("records", `newer than the clock by ${formatSeconds(aheadMs)}: it was set back`, {
    status: "warning",
    affects: "the order of events, and times of containers",
    fix: ["hwclock --systohc"],
  });
}

function jump({ clock: { setByMs } }: HostFacts): HostFinding {
  if (setByMs === undefined) return clock("jump", "unknown", { status: "info" });
  if (Math.abs(setByMs) <= jumpMs) return clock("jump", "none since boot");
  return clock(
    "jump",
    `set ${setByMs > 0 ? "forward" : "back"} by ${formatSeconds(Math.abs(setByMs))} since boot`,
    {
      status: "info",
      affects:
        "times that were recorded before; set the hardware's clock, so that the next boot begins with the right time",
      fix: ["hwclock --systohc"],
    },
  );
}

function source({ clock: { source: name } }: HostFacts): HostFinding {
  if (name === undefined) return clock("source", "unknown", { status: "info" });
  if (!slowSources.has(name)) return clock("source", name);
  return clock("source", `${name}, which is slow to read`, {
    status: "info",
    affects: "speed of programs that read the time often",
    fix: ["cat /sys/devices/system/clocksource/clocksource0/available_clocksource"],
  });
}

function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 3600 ? `${seconds} s` : `${Math.round(seconds / 360) / 10} h`;
}
