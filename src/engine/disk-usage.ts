import { defined } from "../base/defined.ts";
import { kindOf } from "../base/failure.ts";
import type { Digest } from "../spec/digest.ts";
import type { ContainerContext } from "./context.ts";
import { withSizes } from "./containers/inspect/sizes.ts";
import type { Images } from "../model/images.ts";
import { knownLayerBytes } from "./images/layer-bytes.ts";
import type { Containers } from "../model/containers.ts";
import type { DiskUsage, UsageKind } from "../model/usage.ts";
import type { Volumes } from "../model/volumes.ts";

/** The data of `system df`. Images are counted from records, containers and volumes by walking their files. */
export async function describeDiskUsage(
  context: ContainerContext,
  {
    images,
    containers,
    volumes,
    kinds = ["image", "container", "volume"],
    signal,
  }: {
    readonly images: Images;
    readonly containers: Containers;
    readonly volumes: Volumes;
    readonly kinds?: readonly UsageKind[] | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<DiskUsage> {
  return defined({
    layersBytes: kinds.includes("image") ? sum(knownLayerBytes(context.state).values()) : 0,
    images: kinds.includes("image") ? await describeImages(context, images) : undefined,
    containers: kinds.includes("container")
      ? await withSizes(context, await containers.list({ all: true }), { signal })
      : undefined,
    volumes: kinds.includes("volume") ? await describeVolumes(volumes, { signal }) : undefined,
  });
}

async function describeImages(
  { state }: ContainerContext,
  images: Images,
): Promise<NonNullable<DiskUsage["images"]>> {
  const bytes = knownLayerBytes(state);
  const users = new Map<Digest, number>();
  const layersOf = new Map<string, ReadonlySet<Digest>>();
  for (const { id, config } of state.images()) {
    const layers = new Set(config.diffIds);
    layersOf.set(id, layers);
    for (const layer of layers) users.set(layer, (users.get(layer) ?? 0) + 1);
  }
  return (await images.list()).map((image) => {
    const shared = [...(layersOf.get(image.id) ?? [])].filter((layer) => (users.get(layer) ?? 0) > 1);
    return { ...image, sharedBytes: sum(shared.map((layer) => bytes.get(layer) ?? 0)) };
  });
}

async function describeVolumes(
  volumes: Volumes,
  { signal }: { readonly signal: AbortSignal | undefined },
): Promise<NonNullable<DiskUsage["volumes"]>> {
  const described: NonNullable<DiskUsage["volumes"]>[number][] = [];
  for (const volume of await volumes.list()) {
    signal?.throwIfAborted();
    try {
      const usage = await volumes.usage(volume.name, signal === undefined ? {} : { signal });
      described.push({ ...volume, usage });
    } catch (thrown) {
      if (kindOf(thrown) !== "not-found") throw thrown; // removed meanwhile
    }
  }
  return described;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}
