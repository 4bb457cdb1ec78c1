import type { KeyObject } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import { type Descriptor, isForeign, roleOf } from "../../spec/image-manifest.ts";
import { isEncrypted, openLayer, plainType, type SealedLayer } from "../../spec/layer-encryption.ts";

/** A layer as the registry has it, and how it is opened where it is encrypted. */
export interface FetchedLayer {
  readonly source: Descriptor;
  readonly sealed?: SealedLayer;
}

/** Judges the layers of a manifest, and opens those that are encrypted: see openLayer(). Throws "unsupported" for what is no layer. */
export function openLayers(
  layers: readonly Descriptor[],
  keys: readonly KeyObject[],
): readonly FetchedLayer[] {
  return layers.map((source) => {
    refuseForeign(source);
    return isEncrypted(source.mediaType) ? { source, sealed: openLayer(source, keys) } : { source };
  });
}

function refuseForeign({ mediaType, digest }: Descriptor): void {
  if (roleOf(plainType(mediaType)) !== "layer") {
    throw new Failure("unsupported", `cannot use layer ${digest}: it is of type "${mediaType}"`);
  }
  if (isForeign(mediaType)) {
    throw new Failure(
      "unsupported",
      `cannot use layer ${digest}: it is of type "${mediaType}", which registries do not keep: it must be fetched from elsewhere`,
    );
  }
}
