import type { ResolvedContainer } from "../../resolve/container.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerContext } from "../../context.ts";
import { makeBindSource, makeWorkingDirectory } from "../files/prepare-root.ts";
import { openIdsOf } from "./user-namespace.ts";

/**
 * Makes what Docker makes with a new container, so that files can be copied there before the first start: the missing
 * sources of binds and, in its root file system, the working directory. The start makes what could not be made here, or
 * fails with the reason.
 */
export async function makeContainerPaths(
  context: ContainerContext,
  record: ContainerRecord,
  plan: Pick<ResolvedContainer, "mounts" | "workingDirectory">,
): Promise<void> {
  for (const mount of plan.mounts) {
    if (mount.kind === "bind") attempt(() => makeBindSource(record, mount));
  }
  if (plan.workingDirectory === "/") return;
  using ids = await openIdsOf(context, record);
  const options = ids === undefined ? {} : { usernsFd: ids.fd };
  using mounted = await context.dependencies.storage.mountSnapshot(record.id, options);
  attempt(() => makeWorkingDirectory(record, { plan, root: mounted.mount.fd }));
}

function attempt(make: () => void): void {
  try {
    make();
  } catch {
    // The start reports the reason.
  }
}
