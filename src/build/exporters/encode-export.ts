import { ociLayerType } from "../../spec/image/layer-compression.ts";
import { type Descriptor, mediaTypes } from "../../spec/image/manifest.ts";
import { type Digest, digestOf } from "../../spec/digest.ts";
import { parsePlatform } from "../../spec/platform.ts";

/** Points at a document or a blob. */
export type Pointer = Pick<Descriptor, "mediaType" | "digest" | "size">;

/** The image for one platform, with layers as they go out. */
export interface ExportedImage {
  /** `linux/amd64` */
  readonly platform: string;
  readonly configBytes: Uint8Array;
  /** The lowest first; their blobs are in the store. */
  readonly layers: readonly Pointer[];
  /** What is said about it, as in-toto statements. */
  readonly statements?: readonly StatementText[] | undefined;
  /** Names of it in statements: `pkg:docker/app@1?platform=linux%2Famd64`. */
  readonly subjects?: readonly string[] | undefined;
}

/** An attestation without its subject, which is the manifest of the image. */
export interface StatementText {
  readonly predicateType: string;
  readonly predicate: unknown;
}

/** Annotations by what has them. */
export interface ExportAnnotations {
  readonly manifest?: Readonly<Record<string, string>> | undefined;
  readonly manifestDescriptor?: Readonly<Record<string, string>> | undefined;
  readonly index?: Readonly<Record<string, string>> | undefined;
}

export interface ExportForm {
  /** An index even for one image without attestations. */
  readonly isIndex?: boolean | undefined;
  readonly annotations?: ExportAnnotations | undefined;
}

export interface ExportDocument {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** A registry takes it as a manifest, not as a blob. */
  readonly isManifest: boolean;
}

/** A result as registries and OCI layouts have it. */
export interface EncodedExport {
  /** The manifest of the only image, or the index. */
  readonly root: Pointer;
  /** The manifests of the images, in their order. */
  readonly manifests: readonly Pointer[];
  /** All but layers: what others point at comes first, so `root` is the last. */
  readonly documents: ReadonlyMap<Digest, ExportDocument>;
  readonly layers: readonly Pointer[];
}

const inToto = "application/vnd.in-toto+json";

/** The same images give the same bytes. SPEC: OCI image 1.1; BuildKit, docs/attestations/attestation-storage.md. Pure. */
export function encodeExport(
  images: readonly ExportedImage[],
  { isIndex = false, annotations = {} }: ExportForm = {},
): EncodedExport {
  const documents = new Map<Digest, ExportDocument>();
  const add = (mediaType: string, content: unknown, isManifest: boolean): Pointer => {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    documents.set(digest, { mediaType, bytes, isManifest });
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = images.map(({ configBytes, layers }) => {
    const config = add(mediaTypes.config, configBytes, false);
    return add(
      mediaTypes.manifest,
      {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config,
        layers: layers.map(({ mediaType, digest, size }) => ({
          mediaType: ociLayerType(mediaType),
          digest,
          size,
        })),
        annotations: annotations.manifest,
      },
      true,
    );
  });
  const layers = [
    ...new Map(images.flatMap((image) => image.layers).map((layer) => [layer.digest, layer])).values(),
  ];
  const [first] = manifests;
  const hasStatements = images.some(({ statements = [] }) => statements.length > 0);
  if (!isIndex && !hasStatements && images.length === 1 && first !== undefined)
    return { root: first, manifests, documents, layers };
  const entries: unknown[] = manifests.map((manifest, at) => ({
    ...manifest,
    annotations: annotations.manifestDescriptor,
    platform: platformOf(images[at]?.platform ?? ""),
  }));
  for (const [at, { statements = [], subjects = [] }] of images.entries()) {
    const manifest = manifests[at];
    if (manifest === undefined || statements.length === 0) continue;
    const blobs = statements.map(({ predicateType, predicate }) => ({
      ...add(inToto, statementOf({ predicateType, predicate }, { digest: manifest.digest, subjects }), false),
      annotations: { "in-toto.io/predicate-type": predicateType },
    }));
    const config = add(
      mediaTypes.config,
      {
        architecture: "unknown",
        os: "unknown",
        config: {},
        rootfs: { type: "layers", diff_ids: blobs.map(({ digest }) => digest) },
      },
      false,
    );
    const attestation = add(
      mediaTypes.manifest,
      { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: blobs },
      true,
    );
    entries.push({
      ...attestation,
      annotations: {
        "vnd.docker.reference.digest": manifest.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
      platform: { architecture: "unknown", os: "unknown" },
    });
  }
  const root = add(
    mediaTypes.index,
    { schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries, annotations: annotations.index },
    true,
  );
  return { root, manifests, documents, layers };
}

/** SPEC: in-toto Attestation Framework v0.1, Statement. */
function statementOf(
  { predicateType, predicate }: StatementText,
  { digest, subjects }: { readonly digest: Digest; readonly subjects: readonly string[] },
): unknown {
  const [algorithm = "", hex = ""] = digest.split(":");
  const named = subjects.length === 0 ? ["_"] : subjects;
  return {
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType,
    subject: named.map((name) => ({ name, digest: { [algorithm]: hex } })),
    predicate,
  };
}

function platformOf(text: string): object {
  const { os, architecture, variant } = parsePlatform(text);
  return { architecture, os, ...(variant === undefined ? {} : { variant }) };
}
