import { Failure } from "../base/failure.ts";
import { algorithmOf, type Digest, digestOf } from "../spec/digest.ts";
import { parseImageConfig } from "../spec/image-config.ts";
import { type Descriptor, maxManifestBytes, parseImageDocument, roleOf } from "../spec/image-manifest.ts";
import type { Platform } from "../spec/platform.ts";
import { type Reference, withDefaultTag } from "../spec/reference.ts";
import type { AccessOptions, Registries } from "./registries.ts";
import { isAttestation } from "./pick-manifest.ts";
import { downloadBlob } from "./registry/download.ts";
import { fetchManifest } from "./registry/manifests.ts";
import type { Repository } from "./registry/repository.ts";

/** What a registry has under a name. */
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
  { registries, ...access }: Omit<AccessOptions, "action"> & { readonly registries: Registries },
): Promise<RegistryEntry> {
  const reference = withDefaultTag(wanted);
  return await registries.with(reference, { ...access, action: "pull" }, async (repository) => {
    const { bytes, digest, mediaType } = await fetchManifest(
      repository,
      reference.digest ?? reference.tag ?? "latest",
    );
    const document = parseImageDocument(bytes);
    const platforms =
      document.kind === "index"
        ? platformsOf(document.manifests)
        : await platformOf(repository, document.config);
    return { digest, mediaType: mediaType || document.mediaType, size: bytes.length, platforms };
  });
}

function platformsOf(manifests: readonly Descriptor[]): readonly Platform[] {
  return manifests.flatMap((manifest) =>
    manifest.platform === undefined || isAttestation(manifest) ? [] : [manifest.platform],
  );
}

async function platformOf(repository: Repository, config: Descriptor): Promise<readonly Platform[]> {
  if (roleOf(config.mediaType) !== "config" || config.size > maxManifestBytes) return [];
  const pieces: Uint8Array[] = [];
  for await (const piece of downloadBlob(repository, config)) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const found = digestOf(bytes, algorithmOf(config.digest));
  if (found !== config.digest) {
    throw new Failure("corrupt", `cannot use config ${config.digest}: its content has digest ${found}`);
  }
  return [parseImageConfig(bytes).platform];
}
