import { within } from "../base/failure.ts";
import { monotonicMs } from "../linux/kernel/clock.ts";
import type { KeeperProgram } from "./keeper-program.ts";
import { launchStart } from "./start/launch.ts";
import { planStart } from "./start/plan.ts";
import { prepareStart } from "./start/prepare.ts";
import type { StartedProcess, StartOptions } from "./types.ts";

/**
 * Starts a container: from its configuration and a detached root to its program's first instruction. A program that
 * cannot be executed is a Failure "invalid" with details.exitCode 126 or 127; after any failure, no process is left.
 */
export async function startContainer(program: KeeperProgram, options: StartOptions): Promise<StartedProcess> {
  const begunMs = monotonicMs();
  using opened = new DisposableStack();
  const prepared = await prepareStart(program, options, opened);
  const planned = planStart(options, prepared);
  const preparedMs = monotonicMs();
  try {
    const { kept, timing } = await launchStart(program, options, { ...planned, prepared, opened });
    return {
      kept,
      timing: [{ name: "prepare", ms: preparedMs - begunMs }, ...timing],
      warnings: prepared.process.warnings,
    };
  } catch (thrown) {
    throw within(`cannot start container ${options.id.slice(0, 12)}`, thrown);
  }
}
