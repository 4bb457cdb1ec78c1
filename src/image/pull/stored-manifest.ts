import { parseTrustedJson } from "../../base/trusted-json.ts";
import type { Digest } from "../../spec/digest.ts";
import type { Descriptor } from "../../spec/image/manifest.ts";
import { plainAnnotations, plainType } from "../../spec/image/layer-encryption.ts";
import type { Blob } from "../blobs/blob.ts";

/**
 * The manifest of what is stored: as it came, but for layers that are not encrypted any more, by the digest that they
 * had.
 */
export function storedManifest(bytes: Uint8Array, plain: ReadonlyMap<Digest, Blob>): Uint8Array {
  const document = parseTrustedJson<{ readonly layers: readonly StoredDescriptor[] }>(
    new TextDecoder().decode(bytes),
  );
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
      annotations: Object.keys(left).length > 0 ? left : undefined,
    };
  });
  return new TextEncoder().encode(JSON.stringify({ ...document, layers }));
}

type StoredDescriptor = Pick<Descriptor, "mediaType" | "digest" | "size"> &
  Partial<Pick<Descriptor, "annotations">>;
