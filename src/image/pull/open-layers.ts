import type { KeyObject } from "node:crypto";
import { Failure, kindOf } from "../../base/failure.ts";
import { type Descriptor, isForeign, roleOf } from "../../spec/image/manifest.ts";
import { isEncrypted, openLayer, plainType, type SealedLayer } from "../../spec/image/layer-encryption.ts";

/** A layer as the registry has it, and how it is opened where it is encrypted. */
export interface FetchedLayer {
  readonly source: Descriptor;
  readonly sealed?: SealedLayer | undefined;
}

/** Judges the layers of a manifest, and opens those that are encrypted: see openLayer(). Throws "unsupported" for what is no layer. */
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

/** A failure to get the blob of a layer that its author lets nobody hand on names the reason. */
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
