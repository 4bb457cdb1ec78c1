import type { ContainerChange } from "../../../model/files.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import type { ContainerContext } from "../../context.ts";
import { getContainer } from "../../find-container.ts";
import { openIdsOf } from "../lifecycle/user-namespace.ts";

/**
 * Directories and files that a start creates in the root file system for its own mounts: no change by the container,
 * while they are empty.
 */
export const startedPaths: ReadonlySet<string> = new Set(
  "dev dev/console dev/mqueue dev/pts dev/shm etc etc/hostname etc/hosts etc/resolv.conf proc sys".split(" "),
);

/** The container's changes on top of its image, also while it runs. */
export async function listContainerChanges(
  context: ContainerContext,
  reference: ContainerReference,
): Promise<readonly ContainerChange[]> {
  const record = getContainer(context.state, reference);
  using ids = await openIdsOf(context, record);
  return await context.dependencies.storage.listChanges(record.id, {
    ignored: startedPaths,
    usernsFd: ids?.fd,
  });
}
