import type { KeyObject } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import type { Digest } from "../../spec/digest.ts";
import { type Descriptor, isForeign, roleOf } from "../../spec/image-manifest.ts";
import {
  isEncrypted,
  openLayer,
  plainAnnotations,
  plainType,
  type SealedLayer,
} from "../../spec/layer-encryption.ts";
import type { Blob } from "../blobs/blob.ts";

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

/** The manifest of what is stored: as it came, but for layers that are not encrypted any more, by the digest that they had. */
export function storedManifest(bytes: Uint8Array, plain: ReadonlyMap<Digest, Blob>): Uint8Array {
  const document = JSON.parse(new TextDecoder().decode(bytes)) as {
    readonly layers: readonly StoredDescriptor[];
  };
  const layers = document.layers.map((layer) => {
    const blob = plain.get(layer.digest);
    if (blob === undefined) return layer;
    const { annotations = {}, ...rest } = layer;
    const left = plainAnnotations(annotations);
    return {
      ...rest,
      mediaType: plainType(layer.mediaType),
      digest: blob.digest,
      size: blob.size,
      ...(Object.keys(left).length > 0 ? { annotations: left } : {}),
    };
  });
  return new TextEncoder().encode(JSON.stringify({ ...document, layers }));
}

type StoredDescriptor = Pick<Descriptor, "mediaType" | "digest" | "size"> &
  Partial<Pick<Descriptor, "annotations">>;

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
