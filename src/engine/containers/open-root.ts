import type { OwnedFd } from "../../linux/fd.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { ContainerContext } from "./context.ts";

/** A root file system while it is in use. */
export interface OpenedRoot extends Disposable {
  readonly root: OwnedFd;
}

/**
 * The container's root file system without what is mounted in it. Of a container that runs it is the keeper's own;
 * otherwise it is mounted, and the lock held, until the result is disposed of.
 */
export async function openPlainRoot(
  context: ContainerContext,
  { id }: Pick<ContainerRecord, "id">,
): Promise<OpenedRoot> {
  using _ = await context.locks.acquire(id); // a start or end that is under way comes first
  const live = context.live.get(id);
  if (live !== undefined) {
    const root = live.kept.openRoot();
    return { root, [Symbol.dispose]: () => root[Symbol.dispose]() };
  }
  const mounted = await context.parts.storage.mountSnapshot(id, { readonly: true });
  return { root: mounted.mount, [Symbol.dispose]: () => mounted[Symbol.dispose]() };
}
