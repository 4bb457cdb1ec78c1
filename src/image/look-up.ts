import type { Digest } from "../spec/digest.ts";
import type { Descriptor } from "../spec/image/manifest.ts";
import type { Platform } from "../spec/platform.ts";
import type { Reference } from "../spec/reference.ts";
import { fetchDocument } from "./fetch-manifest.ts";
import { isAttestation } from "./pick-manifest.ts";

/** The content of a registry under a name. */
export interface RegistryEntry {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of the manifest or index. */
  readonly size: number;
  /** For which there is an image; empty for what is none. */
  readonly platforms: readonly Platform[];
}

/** Asks a registry what it has under a tag or digest, without bringing it. Fails as a pull does. */
export async function lookUpImage(
  wanted: Reference,
  access: Parameters<typeof fetchDocument>[1],
): Promise<RegistryEntry> {
  const { digest, mediaType, bytes, content, platform } = await fetchDocument(wanted, access);
  const own = platform === undefined ? [] : [platform];
  const platforms = content.kind === "index" ? platformsOf(content.manifests) : own;
  return { digest, mediaType, size: bytes.length, platforms };
}

function platformsOf(manifests: readonly Descriptor[]): readonly Platform[] {
  return manifests.flatMap((manifest) =>
    manifest.platform === undefined || isAttestation(manifest) ? [] : [manifest.platform],
  );
}
