import { type Digest, digestOf } from "../../spec/digest.ts";
import type { ImageTree, ImageTreeImage, ImageTreeLayer } from "../../model/images.ts";
import type { ImageRecord } from "../state/records.ts";

export interface TreeImage {
  readonly record: Pick<ImageRecord, "id" | "config" | "layerBytes">;
  /** As people write them. */
  readonly references: readonly string[];
}

type Growing = Omit<ImageTreeLayer, "diffId" | "images" | "usedBy"> & {
  readonly diffId: Digest;
  readonly images: ImageTreeImage[];
};

/**
 * The layers of these images as a tree: what begins alike shares its nodes. Pure; parents come before their children.
 */
export function growImageTree(images: readonly TreeImage[]): ImageTree {
  const layers = new Map<string, Growing>();
  const users = new Map<Digest, Set<Digest>>();
  const layerless: ImageTreeImage[] = [];
  for (const { record, references } of images) {
    const { config, layerBytes } = record;
    const steps = config.history.filter(({ emptyLayer }) => !emptyLayer);
    let chain: Digest | undefined;
    for (const [index, diffId] of config.diffIds.entries()) {
      const parent = chain;
      chain = chainIdOf(parent, diffId);
      const createdBy = steps[index]?.createdBy;
      if (!layers.has(chain)) {
        layers.set(chain, {
          chainId: chain,
          diffId,
          sizeBytes: layerBytes[index] ?? 0,
          images: [],
          parent,
          createdBy,
        });
      }
      const using = users.get(diffId) ?? new Set();
      users.set(diffId, using.add(record.id));
    }
    const top = chain === undefined ? layerless : layers.get(chain)?.images;
    top?.push({ id: record.id, references });
  }
  return {
    layers: [...layers.values()].map((layer) => ({
      ...layer,
      usedBy: users.get(layer.diffId)?.size ?? 0,
    })),
    layerless,
  };
}

/** SPEC: OCI image 1.1, config.md, "Layer ChainID" */
function chainIdOf(parent: Digest | undefined, diffId: Digest): Digest {
  return parent === undefined ? diffId : digestOf(new TextEncoder().encode(`${parent} ${diffId}`));
}
