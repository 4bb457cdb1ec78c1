import type { OwnedFd } from "../../../linux/kernel/fd.ts";
import { hasFeature } from "../../../linux/features.ts";
import { createFilesystem } from "../../../linux/mount/mount.ts";
import { parseMountOptions } from "../../../linux/mount/mount-options.ts";
import type { ResolvedContainer } from "../../resolve/container.ts";
import { shmOptions } from "../../resolve/mounts.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerSpec } from "../../../model/container-spec.ts";
import type { ContainerContext } from "../../context.ts";
import { mountedVolumes } from "./open-volumes.ts";

/** Where it is in a container. */
export const shmPath = "/dev/shm";

/**
 * The /dev/shm that containers of one IPC namespace share: made for the first, which is "shareable", and passed on from
 * keeper to keeper, never looked up in a container. Undefined where a container has one of its own. The caller disposes
 * of it.
 */
export function openSharedMemory(
  context: ContainerContext,
  { spec }: Pick<ContainerRecord, "spec">,
  plan: ResolvedContainer,
): OwnedFd | undefined {
  if (!sharesMemory(context, spec) || hasOwn(spec)) return undefined;
  const mode = spec.isolation?.namespaces?.ipc;
  if (typeof mode === "object") {
    const other = context.state.findContainer(mode.container);
    const index = mountedVolumes(context, other?.spec.storage?.mounts ?? []).length;
    return other === undefined ? undefined : context.live.get(other.id)?.kept.openHeld(index);
  }
  const { attributes, parameters } = parseMountOptions(shmOptions(plan.shmBytes));
  return createFilesystem("tmpfs", parameters, { attributes, source: "shm" });
}

/** Whether it has a /dev/shm that others can share, its own or another's. */
export function sharesMemory(context: ContainerContext, spec: ContainerSpec): boolean {
  // KERNEL(6.15): before, a mount that is on no mount table can't be cloned.
  if (!hasFeature("detached-composition")) return false;
  let mode = spec.isolation?.namespaces?.ipc;
  for (let steps = 0; typeof mode === "object" && steps < 100; steps++) {
    const other = context.state.findContainer(mode.container)?.spec;
    if (other === undefined || hasOwn(other)) return false;
    mode = other.isolation?.namespaces?.ipc;
  }
  return mode === "shareable";
}

function hasOwn({ storage: { mounts = [] } = {} }: ContainerSpec): boolean {
  return mounts.some(({ target }) => target === shmPath);
}
