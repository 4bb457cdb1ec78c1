import type { Digest } from "../spec/digest.ts";
import type { ContainerContext } from "./containers/context.ts";
import { withSizes } from "./containers/sizes.ts";
import type { Images } from "./image-types.ts";
import { knownLayerBytes } from "./images/layer-bytes.ts";
import type { Containers } from "./types.ts";
import type { DiskUsage, UsageKind } from "./usage-types.ts";

/** What `system df` shows. Images are counted from records, containers by walking what they have written. */
export async function describeDiskUsage(
  context: ContainerContext,
  {
    images,
    containers,
    kinds = ["image", "container"],
    signal,
  }: {
    readonly images: Images;
    readonly containers: Containers;
    readonly kinds?: readonly UsageKind[] | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<DiskUsage> {
  return {
    layersBytes: kinds.includes("image") ? sum(knownLayerBytes(context.state).values()) : 0,
    ...(kinds.includes("image") ? { images: await describeImages(context, images) } : {}),
    ...(kinds.includes("container")
      ? { containers: await withSizes(context, await containers.list({ all: true }), { signal }) }
      : {}),
  };
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

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}
