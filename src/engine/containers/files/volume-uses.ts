import type { EngineEvent } from "../../../model/engine.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerMount, VolumeMount } from "../../../model/containers.ts";
import { volumeEvent } from "../../volumes/volume-catalog.ts";

/** A volume of a container that exists: it has a name. */
export type NamedVolumeMount = VolumeMount & { readonly name: string };

export function volumeMounts(mounts: readonly ContainerMount[] = []): readonly NamedVolumeMount[] {
  return mounts.filter(
    (mount): mount is NamedVolumeMount => mount.kind === "volume" && mount.name !== undefined,
  );
}

/** Names of those that were made for the container alone. */
export function anonymousVolumes(mounts: readonly ContainerMount[]): readonly string[] {
  return volumeMounts(mounts)
    .filter(({ anonymous }) => anonymous === true)
    .map(({ name }) => name);
}

/** What Docker tells of each volume at a container's start and end. */
export function volumeUseEvents(
  { id, spec }: Pick<ContainerRecord, "id" | "spec">,
  action: "mount" | "unmount",
): readonly EngineEvent[] {
  return volumeMounts(spec.mounts).map(({ name, target, readonly = false }) => {
    const use = { container: id, driver: "local" };
    if (action === "unmount") return volumeEvent(name, action, use);
    return volumeEvent(name, action, {
      ...use,
      destination: target,
      propagation: "",
      "read/write": String(!readonly),
    });
  });
}
