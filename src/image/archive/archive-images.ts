import { Failure } from "../../base/failure.ts";
import { checkOciLayout, parseDockerArchive, parseLayoutIndex } from "../../spec/image/archive.ts";
import {
  type Descriptor,
  type ImageManifest,
  maxManifestBytes,
  parseImageDocument,
  isForeign,
  roleOf,
} from "../../spec/image/manifest.ts";
import { artifactConfig, artifactTypeOf } from "../../spec/image/artifact.ts";
import { digestOf } from "../../spec/digest.ts";
import { formatPlatform, type Platform } from "../../spec/platform.ts";
import { isAttestation, listPlatforms, pickManifest } from "../pick-manifest.ts";
import { plainType } from "../../spec/image/layer-encryption.ts";
import { type Decryption, decryptImage } from "./decrypt-image.ts";
import { assembleImage, type ArchiveImage } from "./archive-image.ts";
import { blobPath, type SpooledArchive } from "./spooled-archive.ts";

/** An index may lead to an index: Docker 29 saves so. */
const maxDepth = 4;

interface ReadOptions {
  readonly host: Platform;
  readonly decryption: Decryption;
}

/**
 * The images of a spooled archive. It follows `manifest.json` if there is one, as Docker does, even if the archive also
 * contains an OCI layout. From an index it takes the image for `host`. Encrypted layers are decrypted.
 */
export async function readArchiveImages(
  archive: SpooledArchive,
  options: ReadOptions,
): Promise<readonly ArchiveImage[]> {
  if (archive.find("manifest.json") !== undefined) return await readDockerArchive(archive, options);
  if (archive.find("oci-layout") !== undefined) return await readOciLayout(archive, options);
  if (archive.find("repositories") !== undefined) {
    throw new Failure(
      "unsupported",
      "cannot load the archive: it was saved by a Docker before 1.10: save it again with a newer one",
    );
  }
  throw new Failure(
    "invalid",
    "cannot load the archive: it has neither manifest.json nor oci-layout (a root file system is brought in with import)",
  );
}

async function readDockerArchive(
  archive: SpooledArchive,
  { decryption }: ReadOptions,
): Promise<readonly ArchiveImage[]> {
  const images: ArchiveImage[] = [];
  const entries = parseDockerArchive(await archive.get("manifest.json").read(maxManifestBytes));
  const manifests = await findOciManifests(archive);
  for (const { configPath, layerPaths, references } of entries) {
    const configFile = archive.get(configPath);
    const layerFiles = layerPaths.map((path) => archive.get(path));
    const digests = layerFiles.map(({ blob }) => blob.digest).join();
    const manifest = manifests.find(
      ({ content }) =>
        content.config.digest === configFile.blob.digest &&
        content.layers.map(({ digest }) => digest).join() === digests,
    );
    const image = manifest === undefined ? { layerFiles } : await decryptImage(archive, manifest, decryption);
    images.push(await assembleImage({ configFile, references, ...image }));
  }
  images.push(...(await readArtifacts(archive)));
  if (images.length === 0) throw new Failure("invalid", "cannot load the archive: there is no image in it");
  return images;
}

/** The entries of the OCI layout that `manifest.json` cannot describe. */
async function readArtifacts(archive: SpooledArchive): Promise<readonly ArchiveImage[]> {
  const index = archive.find("oci-layout") && archive.find("index.json");
  if (index === undefined) return [];
  const found: ArchiveImage[] = [];
  for (const { descriptor, references } of readableEntries(await index.read(maxManifestBytes))) {
    if (roleOf(descriptor.mediaType) !== "manifest" || isAttestation(descriptor)) continue;
    const bytes = await archive.find(blobPath(descriptor.digest))?.read(maxManifestBytes);
    if (bytes === undefined) continue;
    const content = parseImageDocument(bytes, { mediaType: descriptor.mediaType });
    if (content.kind !== "manifest" || artifactTypeOf(content) === undefined) continue;
    found.push({ ...assembleArtifact(archive, content, bytes), references });
  }
  return mergeSame(found);
}

/** Docker itself would ignore such an entry, so any content is accepted. */
function readableEntries(bytes: Uint8Array): ReturnType<typeof parseLayoutIndex> {
  try {
    return parseLayoutIndex(bytes);
  } catch (thrown) {
    if (thrown instanceof Failure) return [];
    throw thrown;
  }
}

function assembleArtifact(archive: SpooledArchive, content: ImageManifest, bytes: Uint8Array): ArchiveImage {
  return {
    config: artifactConfig(content),
    configFile: archive.getBlob(content.config),
    manifestBytes: bytes,
    layers: [],
    references: [],
    artifact: {
      type: artifactTypeOf(content) ?? "",
      files: content.layers.map((layer) => archive.getBlob(layer)),
    },
  };
}

/**
 * The manifests of the archive's OCI layout, next to `manifest.json`. When one of them describes exactly the same
 * config and layers, it is kept, so that the image keeps its digest. Unreadable manifests are ignored.
 */
async function findOciManifests(archive: SpooledArchive): Promise<
  readonly {
    readonly content: ImageManifest;
    readonly bytes: Uint8Array;
  }[]
> {
  const found = [];
  try {
    const index = archive.find("oci-layout") && archive.find("index.json");
    if (index === undefined) return [];
    let level = parseLayoutIndex(await index.read(maxManifestBytes)).map(({ descriptor }) => descriptor);
    for (let depth = 0; depth <= maxDepth && level.length > 0 && found.length < 1000; depth++) {
      const next: Descriptor[] = [];
      for (const descriptor of level) {
        const file = archive.find(blobPath(descriptor.digest));
        if (file === undefined) continue;
        const bytes = await file.read(maxManifestBytes);
        const content = parseImageDocument(bytes, { mediaType: descriptor.mediaType });
        if (content.kind === "index") next.push(...content.manifests);
        else found.push({ content, bytes });
      }
      level = next;
    }
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
  }
  return found;
}

async function readOciLayout(
  archive: SpooledArchive,
  options: ReadOptions,
): Promise<readonly ArchiveImage[]> {
  checkOciLayout(await archive.get("oci-layout").read(maxManifestBytes));
  const images: ArchiveImage[] = [];
  const entries = parseLayoutIndex(await archive.get("index.json").read(maxManifestBytes));
  for (const { descriptor, references } of entries) {
    if (isAttestation(descriptor)) continue;
    const image = await readImage(archive, { ...options, descriptor, depth: 0 });
    images.push({ ...image, references });
  }
  if (images.length === 0) throw new Failure("invalid", "cannot load the archive: there is no image in it");
  return mergeSame(images);
}

async function readImage(
  archive: SpooledArchive,
  options: ReadOptions & { readonly descriptor: Descriptor; readonly depth: number },
): Promise<ArchiveImage> {
  const { descriptor, host, depth } = options;
  const bytes = await archive.getBlob(descriptor).read(maxManifestBytes);
  const document = parseImageDocument(bytes, { mediaType: descriptor.mediaType });
  if (document.kind === "index") {
    if (depth >= maxDepth)
      throw new Failure("invalid", `cannot load the archive: its indexes nest deeper than ${maxDepth}`);
    const chosen = choose(document.manifests, host);
    return await readImage(archive, { ...options, descriptor: chosen, depth: depth + 1 });
  }
  if (artifactTypeOf(document) !== undefined) return assembleArtifact(archive, document, bytes);
  for (const part of [document.config, ...document.layers]) {
    const wanted = part === document.config ? "config" : "layer";
    const isMissing = isForeign(part.mediaType) && archive.find(blobPath(part.digest)) === undefined;
    if (roleOf(plainType(part.mediaType)) !== wanted || isMissing) {
      throw new Failure(
        "unsupported",
        `cannot load ${descriptor.digest}: its ${wanted} is of type "${part.mediaType}"${isMissing ? ", and is not in the archive: it must be fetched from elsewhere" : ""}`,
      );
    }
  }
  return await assembleImage({
    configFile: archive.getBlob(document.config),
    references: [],
    ...(await decryptImage(archive, { content: document, bytes }, options.decryption)),
  });
}

function choose(manifests: readonly Descriptor[], host: Platform): Descriptor {
  const found = pickManifest(manifests, host);
  if (found !== undefined) return found;
  throw new Failure(
    "not-found",
    `cannot load the archive: it has no image for ${formatPlatform(host)} (there is: ${listPlatforms(manifests)})`,
  );
}

/** One image under several names has an entry for each. */
function mergeSame(images: readonly ArchiveImage[]): readonly ArchiveImage[] {
  const byId = new Map<string, ArchiveImage>();
  for (const image of images) {
    const id = image.artifact === undefined ? image.configFile.blob.digest : digestOf(image.manifestBytes);
    const same = byId.get(id);
    const references = [...(same?.references ?? []), ...image.references];
    byId.set(id, { ...(same ?? image), references });
  }
  return [...byId.values()];
}
