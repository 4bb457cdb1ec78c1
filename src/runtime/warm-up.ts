import { defaultCapabilities } from "../linux/process/capability.ts";
import { planExec } from "./plan/container.ts";
import { PlanBlob } from "./plan/plan.ts";
import { prepareProcess } from "./prepare-process.ts";

/**
 * Compiles the default seccomp profile for the usual capabilities and checks a plan's end against it (about 17 ms),
 * which the first start would do otherwise. Keeps both; changes nothing else.
 */
export function warmUpProcesses(): void {
  const process = {
    user: { uid: 0, gid: 0 },
    args: ["/"],
    env: [],
    cwd: "/",
    capabilities: {
      bounding: defaultCapabilities,
      effective: defaultCapabilities,
      permitted: defaultCapabilities,
    },
  };
  for (const announce of [false, true]) {
    const { planned } = prepareProcess(process, { seccomp: "default", announce });
    const input = { target: 0, joins: [], cgroupTasks: [], limits: [], openStdin: false };
    planExec({ ...input, process: planned }, new PlanBlob());
  }
}
