import { Failure } from "../base/failure.ts";
import { algorithmOf, type Digest, digestOf } from "../spec/digest.ts";
import { parseImageConfig } from "../spec/image/config.ts";
import {
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  maxManifestBytes,
  parseImageDocument,
  roleOf,
} from "../spec/image/manifest.ts";
import type { Platform } from "../spec/platform.ts";
import { type Reference, withDefaultTag } from "../spec/reference.ts";
import type { AccessOptions, Registries } from "./registries.ts";
import { downloadBlob } from "./registry/download.ts";
import { fetchManifest } from "./registry/manifests.ts";
import type { Repository } from "./registry/repository.ts";

/** A manifest or index as a registry has it, and for what it is. */
export interface RegistryDocument {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly content: ImageManifest | ImageIndex;
  /** Of an image; absent for an index or an artifact. */
  readonly platform?: Platform | undefined;
}

/** Asks a registry what it has under a tag or digest. Fails as a pull does. */
export async function fetchDocument(
  wanted: Reference,
  { registries, ...access }: Omit<AccessOptions, "action"> & { readonly registries: Registries },
): Promise<RegistryDocument> {
  const reference = withDefaultTag(wanted);
  return await registries.with(reference, { ...access, action: "pull" }, async (repository) => {
    const which = reference.digest ?? reference.tag ?? "latest";
    const { bytes, digest, mediaType } = await fetchManifest(repository, which);
    const content = parseImageDocument(bytes);
    const platform = content.kind === "index" ? undefined : await platformOf(repository, content.config);
    return {
      digest,
      mediaType: roleOf(mediaType) === content.kind ? mediaType : content.mediaType,
      bytes,
      content,
      platform,
    };
  });
}

async function platformOf(repository: Repository, config: Descriptor): Promise<Platform | undefined> {
  if (roleOf(config.mediaType) !== "config" || config.size > maxManifestBytes) return undefined;
  const pieces: Uint8Array[] = [];
  for await (const piece of downloadBlob(repository, config)) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const found = digestOf(bytes, algorithmOf(config.digest));
  if (found !== config.digest) {
    throw new Failure("corrupt", `cannot use config ${config.digest}: its content has digest ${found}`);
  }
  return parseImageConfig(bytes).platform;
}
