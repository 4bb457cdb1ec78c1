import { Failure, kindOf } from "../../../base/failure.ts";
import { type Fd, OwnedFd } from "../../../linux/kernel/fd.ts";
import { openNamespace } from "../../../linux/namespaces/namespaces.ts";
import { findProcess, findProcessRoot, type ProcessIdentity } from "../../../linux/process/process.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerId } from "../../../model/ids.ts";
import { attachMounts, seenMounts } from "./attach-mounts.ts";
import type { ContainerContext } from "../../context.ts";
import { whenFree } from "../lifecycle/end-run.ts";
import { openIdsOf } from "../lifecycle/user-namespace.ts";

/** A root file system while it is in use. */
export interface OpenedRoot extends Disposable {
  readonly root: OwnedFd;
}

/**
 * The container's root file system without what is mounted in it, and with what that covers. Of a container that runs
 * it is a clone of the keeper's own; otherwise it is mounted, and the lock held, until the result is disposed of.
 */
export async function openPlainRoot(context: ContainerContext, record: ContainerRecord): Promise<OpenedRoot> {
  const { id } = record;
  using _ = await context.locks.acquire(id); // a start or end that is under way comes first
  const live = context.live.get(id);
  if (live === undefined) return await mount(context, record, { readonly: true });
  using covered = live.kept.openRoot();
  return counted(context, id, (await uncover(context, live.kept, covered.fd)) ?? new OwnedFd(covered.move()));
}

/** Undefined when the process has ended: its mount namespace is gone, and nothing covers anything any more. */
async function uncover(
  { dependencies }: ContainerContext,
  process: ProcessIdentity,
  root: Fd,
): Promise<OwnedFd | undefined> {
  using mountNamespace = findMountNamespace(process);
  if (mountNamespace === undefined) return undefined;
  return await dependencies.runtime.uncoverRoot({ root, mountNamespace: mountNamespace.fd });
}

function findMountNamespace(process: ProcessIdentity): OwnedFd | undefined {
  using pidfd = findProcess(process);
  try {
    return pidfd && openNamespace({ pid: process.pid, pidfd: pidfd.fd }, "mount");
  } catch (thrown) {
    if (kindOf(thrown) === "not-found") return undefined;
    throw thrown;
  }
}

/**
 * The container's root as its own first process sees it, with what is mounted in it; of a container that does not run,
 * with its binds and volumes. All that is below is in hostile hands: to be used with openInRoot() and by descriptor.
 */
export async function openSeenRoot(
  context: ContainerContext,
  record: ContainerRecord,
  { readonly }: { readonly readonly: boolean },
): Promise<OpenedRoot> {
  const { id } = record;
  using _ = await context.locks.acquire(id);
  const live = context.live.get(id);
  const root = live === undefined ? undefined : findProcessRoot(live.kept);
  return root === undefined
    ? await mount(context, record, { readonly, withMounts: true })
    : counted(context, id, root);
}

/** Roots of runs that are held open, by container. */
const heldRoots = new WeakMap<ContainerContext, Map<ContainerId, number>>();

/**
 * SAFETY: a root that is still open keeps its overlay mounted after the container's end, without the lock, which was
 * the keeper's. Throws "conflict" then: a new start would be a second live overlay on one upper.
 */
export function refuseOpenedRoot(context: ContainerContext, id: ContainerId): void {
  if ((heldRoots.get(context)?.get(id) ?? 0) === 0) return;
  throw new Failure("conflict", "cannot use the root file system: its files are being copied");
}

async function mount(
  context: ContainerContext,
  record: ContainerRecord,
  { readonly, withMounts = false }: { readonly readonly: boolean; readonly withMounts?: boolean | undefined },
): Promise<OpenedRoot> {
  const { id } = record;
  const isComposed = withMounts && seenMounts(record).length > 0;
  using ids = await openIdsOf(context, record);
  const mounted = await whenFree("open the root file system", async () => {
    refuseOpenedRoot(context, id);
    return await context.dependencies.storage.mountSnapshot(id, {
      // Mount targets may have to be created.
      readonly: readonly && !isComposed,
      usernsFd: ids?.fd,
    });
  });
  using undo = new DisposableStack();
  undo.use(mounted);
  if (isComposed) await attachMounts(context, record, { root: mounted.mount.fd, usernsFd: ids?.fd });
  const held = undo.move();
  return { root: mounted.mount, [Symbol.dispose]: () => held.dispose() };
}

function counted(context: ContainerContext, id: ContainerId, root: OwnedFd): OpenedRoot {
  const counts = heldRoots.get(context) ?? new Map<ContainerId, number>();
  heldRoots.set(context, counts);
  counts.set(id, (counts.get(id) ?? 0) + 1);
  let isOpen = true;
  return {
    root,
    [Symbol.dispose]: () => {
      root[Symbol.dispose]();
      if (!isOpen) return;
      isOpen = false;
      const left = (counts.get(id) ?? 1) - 1;
      if (left === 0) counts.delete(id);
      else counts.set(id, left);
    },
  };
}
