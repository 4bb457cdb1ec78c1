import { Failure } from "../../base/failure.ts";
import type { Digest } from "../../spec/digest.ts";
import {
  type Descriptor,
  type ImageManifest,
  parseImageDocument,
  roleOf,
} from "../../spec/image/manifest.ts";
import { formatPlatform, type Platform } from "../../spec/platform.ts";
import { listPlatforms, pickManifest } from "../pick-manifest.ts";
import { fetchManifest, type FetchedManifest } from "./manifests.ts";
import type { Repository } from "./repository.ts";

export interface ResolvedImage {
  /** Of what was asked for: the index, where there is one. */
  readonly digest: Digest;
  readonly manifest: { readonly digest: Digest; readonly bytes: Uint8Array; readonly content: ImageManifest };
  readonly index?: FetchedManifest | undefined;
}

/** An index may lead to an index. */
const maxDepth = 4;

/** The manifest of the image for a platform, by tag or digest. Throws "not-found" where there is none for it. */
export async function resolveImage(
  repository: Repository,
  which: string,
  platform: Platform,
): Promise<ResolvedImage> {
  const first = await fetchManifest(repository, which);
  let fetched = first;
  for (let depth = 0; depth <= maxDepth; depth++) {
    const content = parseImageDocument(fetched.bytes, { mediaType: knownType(fetched.mediaType) });
    if (content.kind === "manifest") {
      const manifest = { digest: fetched.digest, bytes: fetched.bytes, content };
      return { digest: first.digest, manifest, index: fetched === first ? undefined : first };
    }
    fetched = await fetchManifest(repository, chooseManifest(content.manifests, platform).digest);
  }
  throw new Failure("invalid", `cannot use ${first.digest}: its indexes nest deeper than ${maxDepth}`);
}

/** Some registries label everything as JSON. */
function knownType(mediaType: string): string {
  return roleOf(mediaType) === undefined ? "" : mediaType;
}

function chooseManifest(manifests: readonly Descriptor[], platform: Platform): Descriptor {
  const found = pickManifest(manifests, platform);
  if (found !== undefined) return found;
  throw new Failure(
    "not-found",
    `no matching manifest for ${formatPlatform(platform)} in the manifest list entries (there is: ${listPlatforms(manifests)})`,
  );
}
