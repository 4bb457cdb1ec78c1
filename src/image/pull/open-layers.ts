import type { KeyObject } from "node:crypto";
import { Failure, kindOf } from "../../base/failure.ts";
import { type Descriptor, isForeign, roleOf } from "../../spec/image/manifest.ts";
import { isEncrypted, openLayer, plainType, type SealedLayer } from "../../spec/image/layer-encryption.ts";

/** A layer as the registry has it, and how it is opened where it is encrypted. */
export interface FetchedLayer {
  readonly source: Descriptor;
  readonly sealed?: SealedLayer | undefined;
}

/**
 * Validates the layers of a manifest, and opens encrypted ones: see openLayer(). Throws "unsupported" for a media type
 * that is no layer.
 */
export function openLayers(
  layers: readonly Descriptor[],
  keys: readonly KeyObject[],
): readonly FetchedLayer[] {
  return layers.map((source) => {
    checkType(source);
    return isEncrypted(source.mediaType) ? { source, sealed: openLayer(source, keys) } : { source };
  });
}

function checkType({ mediaType, digest }: Descriptor): void {
  if (roleOf(plainType(mediaType)) !== "layer") {
    throw new Failure("unsupported", `cannot use layer ${digest}: it is of type "${mediaType}"`);
  }
}

/** Adds the reason to a failure to fetch a layer that its author does not allow to be redistributed. */
export function explainForeign(
  { mediaType, digest }: Pick<Descriptor, "mediaType" | "digest">,
  thrown: unknown,
): unknown {
  if (!isForeign(mediaType) || kindOf(thrown) !== "not-found") return thrown;
  return new Failure(
    "not-found",
    `cannot use layer ${digest}: it is of type "${mediaType}", and the registry does not keep it: it must be fetched from elsewhere`,
    { cause: thrown },
  );
}
