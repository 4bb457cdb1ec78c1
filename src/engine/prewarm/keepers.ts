import { rmSync } from "node:fs";
import { join } from "node:path";
import type { KeeperProgram } from "../../runtime/keeper-program.ts";
import { PrewarmedKeeper } from "../../runtime/prewarmed-keeper.ts";
import { Pool } from "./pool.ts";
import type { PrewarmScheduler } from "./scheduler.ts";

/** Keepers that are executed before a container needs one; the socket of each lies below the run root. */
export function openKeeperPool(
  scheduler: PrewarmScheduler,
  { program, runRoot }: { readonly program: KeeperProgram; readonly runRoot: string },
): Pool<PrewarmedKeeper> {
  const directory = join(runRoot, "lib", "prewarmed-keeper");
  // The keepers of an engine that was killed have ended with it.
  rmSync(directory, { recursive: true, force: true });
  return new Pool(scheduler, () => PrewarmedKeeper.start(program, directory));
}
