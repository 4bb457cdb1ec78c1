import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Exit } from "../../../runtime/types.ts";
import type { ContainerId } from "../../../model/ids.ts";
import { removeDirectory } from "../files/remove-directory.ts";
import type { ContainerContext } from "../../context.ts";
import { backdateEvents, containerEvent } from "../../describe-event.ts";
import { checkPrefix, execPrefix } from "../container-paths.ts";
import { exitCodeOf } from "../exit-status.ts";

/**
 * Handles the execs of an earlier daemon in a container's run directory: monitors those that still run until they end,
 * and removes the rest. The end of each is recorded once.
 */
export function watchOrphanedExecs(context: ContainerContext, id: ContainerId): void {
  const runDirectory = context.paths.run(id);
  const names = existsSync(runDirectory) ? readdirSync(runDirectory) : [];
  for (const name of names.filter((each) => each.startsWith(execPrefix))) {
    const isCheck = name.startsWith(checkPrefix);
    const execId = name.slice((isCheck ? checkPrefix : execPrefix).length);
    void context.background.run(id, () =>
      watch(context, { id, execId, isCheck, directory: join(runDirectory, name) }),
    );
  }
}

interface OrphanedExec {
  readonly id: ContainerId;
  readonly execId: string;
  readonly isCheck: boolean;
  readonly directory: string;
}

async function watch(context: ContainerContext, exec: OrphanedExec): Promise<void> {
  const { directory } = exec;
  const found = await context.dependencies.runtime.reconnect(directory).catch(() => undefined);
  if (found === undefined || !("pid" in found)) {
    if (found !== undefined) recordExit(context, exec, found);
    return await removeDirectory(directory);
  }
  // A health check has no deadline without the engine that has started it.
  if (exec.isCheck) found.killGroup();
  context.execs.keep(found);
  void found.exited.then(async (exit) => {
    context.execs.drop(found);
    recordExit(context, exec, exit);
    await found[Symbol.asyncDispose]();
    await removeDirectory(directory).catch(() => undefined);
  });
}

/** The daemon before may have recorded the end without having removed the directory. Events of checks are not kept. */
function recordExit(context: ContainerContext, { id, execId, isCheck }: OrphanedExec, exit: Exit): void {
  const record = context.state.findContainer(id);
  const { events } = context.state;
  if (isCheck || record === undefined || context.closing.aborted) return;
  if (
    events.recent.some(({ action, actor }) => action === "exec_die" && actor.attributes["execID"] === execId)
  )
    return;
  const exitCode = String(exit.keeperLost === true ? 137 : exitCodeOf(exit.end));
  const died = containerEvent(record, "exec_die", { execID: execId, exitCode });
  for (const event of backdateEvents([died], exit.finishedAt)) events.record(event);
}
