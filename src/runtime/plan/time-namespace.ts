import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../../linux/constants/open.ts";
import { CLONE_NEWTIME } from "../../linux/constants/clone.ts";
import { errno } from "../../linux/kernel/errno.ts";
import type { RuntimeLinux } from "../../spec/runtime-config.ts";
import type { PlanList } from "./plan.ts";
import type { PlanClock } from "./report.ts";

const beyond = "the clock would be negative (the host has not been up for so long) or beyond its range";

/**
 * Adds a time namespace with its clocks for the child. KERNEL: offsets can be set only while the namespace is empty: by
 * the process that unshared it, before the clone; CLONE_NEWTIME of clone3(2) would put the child in at once.
 */
export function addTimeNamespace(
  before: PlanList,
  clock: PlanClock,
  offsets: RuntimeLinux["timeOffsets"] = {},
): void {
  before.add("make the time namespace", "unshare", [CLONE_NEWTIME]);
  for (const [name, { secs, nanosecs }] of Object.entries(offsets)) {
    const about = `shift the clock "${name}" by ${secs + nanosecs / 1e9} s`;
    const text = `${name} ${secs} ${nanosecs}\n`;
    const file = before.add(about, "openat", [AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC]);
    before.add(about, "write", [file, text, text.length], {
      expect: text.length,
      why: { [errno.ERANGE]: beyond },
    });
    before.add(about, "close", [file]);
  }
  const monotonic = offsets["monotonic"];
  if (monotonic !== undefined) clock.shiftBy(monotonic.secs * 1000 + monotonic.nanosecs / 1e6);
}
