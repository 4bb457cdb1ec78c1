import type { EngineEvent } from "../../../model/engine.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerMount, VolumeMount } from "../../../model/mounts.ts";
import { volumeEvent } from "../../volumes/volume-catalog.ts";
import { parseVolumeName, type VolumeName } from "../../../model/ids.ts";

/** A volume of a container that exists: it has a name. */
export type NamedVolumeMount = Omit<VolumeMount, "name"> & { readonly name: VolumeName };

export function volumeMounts(mounts: readonly ContainerMount[] = []): readonly NamedVolumeMount[] {
  return mounts.flatMap((mount) =>
    mount.kind === "volume" && mount.name !== undefined
      ? [{ ...mount, name: parseVolumeName(mount.name) }]
      : [],
  );
}

/** Names of those that were made for the container alone. */
export function anonymousVolumes(mounts: readonly ContainerMount[]): readonly VolumeName[] {
  return volumeMounts(mounts)
    .filter(({ anonymous }) => anonymous === true)
    .map(({ name }) => name);
}

/** Docker's events for each volume at a container's start and end. */
export function volumeUseEvents(
  { id, spec }: Pick<ContainerRecord, "id" | "spec">,
  action: "mount" | "unmount",
): readonly EngineEvent[] {
  return volumeMounts(spec.storage?.mounts).map(({ name, target, readonly = false }) => {
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
