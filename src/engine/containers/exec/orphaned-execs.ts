import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { ContainerId } from "../../../model/ids.ts";
import { removeDirectory } from "../files/remove-directory.ts";
import type { ContainerContext } from "../../context.ts";
import { checkPrefix, execPrefix } from "../container-paths.ts";

/**
 * Handles the execs of an earlier daemon in a container's run directory: monitors those that still run until they end,
 * and removes the rest.
 */
export function watchOrphanedExecs(context: ContainerContext, id: ContainerId): void {
  const runDirectory = context.paths.run(id);
  const names = existsSync(runDirectory) ? readdirSync(runDirectory) : [];
  for (const name of names.filter((each) => each.startsWith(execPrefix))) {
    void context.background.run(id, () => watch(context, join(runDirectory, name)));
  }
}

async function watch(context: ContainerContext, directory: string): Promise<void> {
  const found = await context.dependencies.runtime.reconnect(directory).catch(() => undefined);
  if (found === undefined || !("pid" in found)) return await removeDirectory(directory);
  // A health check has no deadline without the engine that has started it.
  if (basename(directory).startsWith(checkPrefix)) found.killGroup();
  context.execs.keep(found);
  void found.exited.then(async () => {
    context.execs.drop(found);
    await found[Symbol.asyncDispose]();
    await removeDirectory(directory).catch(() => undefined);
  });
}
