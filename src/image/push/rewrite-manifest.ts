import { parseTrustedJson } from "../../base/trusted-json.ts";
import { required } from "../../base/required.ts";
import { type Descriptor, mediaTypes } from "../../spec/image/manifest.ts";

/**
 * The manifest with these layers in place of its own, all else as it is. With `isOci` its type and its config's are
 * OCI's, whatever they were.
 */
export function rewriteManifest(
  bytes: Uint8Array,
  layers: readonly Descriptor[],
  { isOci }: { readonly isOci: boolean },
): Uint8Array {
  const document = parseTrustedJson<{
    readonly config: Readonly<Record<string, unknown>>;
    readonly layers: readonly Readonly<Record<string, unknown>>[];
  }>(new TextDecoder().decode(bytes));
  const changed = {
    ...document,
    ...(isOci
      ? { mediaType: mediaTypes.manifest, config: { ...document.config, mediaType: mediaTypes.config } }
      : {}),
    layers: document.layers.map((layer, index) => {
      const { mediaType, digest, size, annotations } = required(layers[index]);
      return {
        ...layer,
        mediaType,
        digest,
        size,
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      };
    }),
  };
  return new TextEncoder().encode(JSON.stringify(changed));
}
