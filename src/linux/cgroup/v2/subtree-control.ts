import { Failure } from "../../../base/failure.ts";
import type { Fd } from "../../fd.ts";
import { ControlFileFailure, readFileAt, writeValues } from "../files.ts";
import { wantedV2Controllers } from "./writes.ts";

const file = "cgroup.subtree_control";

/** Lets the cgroups below a v2 directory have the controllers that we use. Those enabled already stay. */
export function enableControllers(directory: Fd, available: readonly string[]): void {
  const enabled = (readFileAt(directory, file) ?? "").trim().split(" ");
  const missing = wantedV2Controllers.filter(
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

function hintFor(message: string): string {
  if (!message.endsWith("EBUSY")) return "";
  return " (processes live in the cgroup itself: move them to one below it)";
}
