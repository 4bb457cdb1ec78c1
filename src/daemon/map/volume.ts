import type { Volume } from "../../api/types/volume.ts";
import type { VolumeDetails, VolumeUsage } from "../../model/volumes.ts";

/** A volume as `GET /volumes/{name}` shows it; with its usage as `GET /system/df` does. */
export function volumeOf(volume: VolumeDetails, usage?: VolumeUsage): Volume {
  const { name, driver, mountpoint, createdAt, labels, options } = volume;
  return {
    CreatedAt: `${new Date(createdAt).toISOString().slice(0, 19)}Z`,
    Driver: driver,
    Labels: orNull(labels),
    Mountpoint: mountpoint,
    Name: name,
    Options: orNull(options),
    Scope: "local",
    UsageData: usage && { Size: usage.bytes, RefCount: usage.containers.length },
  };
}

function orNull(map: Readonly<Record<string, string>>): Readonly<Record<string, string>> | null {
  return Object.keys(map).length === 0 ? null : map;
}
