import { Failure } from "../../../../base/failure.ts";
import type { Fd } from "../../../kernel/fd.ts";
import { ControlFileFailure, readFileAt, writeValues } from "../files.ts";
import type { CgroupWrite } from "../write.ts";
import { wantedV2Controllers } from "./writes.ts";

const file = "cgroup.subtree_control";

/** Lets the cgroups below a v2 directory have the controllers that we use. Those enabled already stay. */
export function enableControllers(
  directory: Fd,
  available: readonly string[],
  wanted: readonly string[] = wantedV2Controllers,
): void {
  const enabled = (readFileAt(directory, file) ?? "").trim().split(" ");
  const missing = wanted.filter(
    (controller) => available.includes(controller) && !enabled.includes(controller),
  );
  for (const controller of missing) {
    try {
      writeValues(directory, file, [`+${controller}`]);
    } catch (thrown) {
      if (!(thrown instanceof ControlFileFailure)) throw thrown;
      throw new Failure(
        "unsupported",
        `cannot enable the ${controller} controller: ${thrown.message}${hintFor(thrown.message)}`,
        { cause: thrown },
      );
    }
  }
}

/** The controllers of these writes that are not switched on for every container: most need none of them. */
export function rareControllers(writes: readonly CgroupWrite[]): readonly string[] {
  const named = writes.map(({ file: name }) => name.slice(0, name.indexOf(".")));
  return [...new Set(named)].filter((controller) => !wantedV2Controllers.includes(controller));
}

/** KERNEL: EBUSY, or EOPNOTSUPP when cpu or cpuset, which processes do not hinder, were switched on before. */
function hintFor(message: string): string {
  if (!/: (EBUSY|EOPNOTSUPP)$/.test(message)) return "";
  return " (processes live in the cgroup itself: move them to one below it)";
}
