import { Failure } from "../base/failure.ts";
import type { Digest } from "../spec/digest.ts";
import { artifactTypeOf } from "../spec/image/artifact.ts";
import { type ImageManifest, mediaTypes, parseImageDocument } from "../spec/image/manifest.ts";
import { formatFamiliar, formatReference, type Reference } from "../spec/reference.ts";
import { encodeTarEnd, encodeTarMember } from "../spec/tar-writer.ts";
import type { ContentStore } from "./content-store.ts";
import { layoutBlob, layoutFile, layoutPath } from "./write-layout.ts";

export interface SavedImage {
  /** In the store, as all that it names. */
  readonly manifest: Digest;
  readonly references: readonly Reference[];
}

/**
 * Writes an archive that Docker's tools and OCI tools both read: an OCI layout and the manifest.json of a
 * docker-archive that names the same blobs. Blobs are unchanged, so their digests stay, and each blob occurs once. The
 * same images produce the same bytes. Throws "not-found" for a blob that is no longer in the store.
 */
export async function* saveImages(
  images: readonly SavedImage[],
  { store }: { readonly store: ContentStore },
): AsyncGenerator<Uint8Array, void, undefined> {
  const read = await Promise.all(images.map((image) => readManifest(image, store)));
  yield directory("blobs/");
  yield directory("blobs/sha256/");
  const written = new Set<Digest>();
  for (const { image, bytes, content } of read) {
    for (const blob of [...content.layers, content.config]) {
      if (written.has(blob.digest)) continue;
      written.add(blob.digest);
      yield* layoutBlob(blob.digest, store);
    }
    if (!written.has(image.manifest)) yield* layoutFile(layoutPath(image.manifest), bytes);
    written.add(image.manifest);
  }
  yield* layoutFile("index.json", indexOf(read));
  yield* layoutFile("manifest.json", dockerManifestOf(read));
  yield* layoutFile("oci-layout", encode({ imageLayoutVersion: "1.0.0" }));
  yield encodeTarEnd();
}

interface ReadImage {
  readonly image: SavedImage;
  readonly bytes: Uint8Array;
  readonly content: ImageManifest;
}

async function readManifest(image: SavedImage, store: ContentStore): Promise<ReadImage> {
  const bytes = await store.read(image.manifest);
  const content = parseImageDocument(bytes);
  if (content.kind !== "manifest")
    throw new Failure("internal", "cannot save an image: its manifest is an index");
  for (const { digest } of [...content.layers, content.config]) {
    if ((await store.find(digest)) === undefined) {
      throw new Failure(
        "not-found",
        `cannot save the image: its blob ${digest} is not in the store any more; pull or load it again`,
      );
    }
    await store.ensure(digest);
  }
  return { image, bytes, content };
}

function indexOf(images: readonly ReadImage[]): Uint8Array {
  const manifests = images.flatMap(({ image, bytes, content }) => {
    const descriptor = { mediaType: content.mediaType, digest: image.manifest, size: bytes.length };
    if (image.references.length === 0) return [descriptor];
    return image.references.map((reference) => ({
      ...descriptor,
      annotations: {
        "io.containerd.image.name": formatReference(reference),
        "org.opencontainers.image.ref.name": reference.tag,
      },
    }));
  });
  return encode({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
}

function dockerManifestOf(images: readonly ReadImage[]): Uint8Array {
  return encode(
    images
      .filter(({ content }) => artifactTypeOf(content) === undefined)
      .map(({ image, content }) => ({
        Config: layoutPath(content.config.digest),
        RepoTags: image.references.length === 0 ? null : image.references.map(formatFamiliar),
        Layers: content.layers.map(({ digest }) => layoutPath(digest)),
      })),
  );
}

function directory(path: string): Uint8Array {
  return encodeTarMember({ path, type: "directory", size: 0, mode: 0o755 });
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
