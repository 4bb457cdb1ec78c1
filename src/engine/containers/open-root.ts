import type { OwnedFd } from "../../linux/fd.ts";
import { findProcessRoot } from "../../linux/process.ts";
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

/**
 * The container's root as its own first process sees it, with what is mounted in it; of a container that does not run,
 * without. All that is below is in hostile hands: to be used with openInRoot() and by descriptor.
 */
export async function openSeenRoot(
  context: ContainerContext,
  { id }: Pick<ContainerRecord, "id">,
  { readonly }: { readonly readonly: boolean },
): Promise<OpenedRoot> {
  using _ = await context.locks.acquire(id);
  const live = context.live.get(id);
  const root = live === undefined ? undefined : findProcessRoot(live.kept);
  if (root !== undefined) return { root, [Symbol.dispose]: () => root[Symbol.dispose]() };
  const mounted = await context.parts.storage.mountSnapshot(id, { readonly });
  return { root: mounted.mount, [Symbol.dispose]: () => mounted[Symbol.dispose]() };
}
