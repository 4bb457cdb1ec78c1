import { Failure } from "../../base/failure.ts";
import { type Digest, parseDigest } from "../digest.ts";
import { type JsonNode, readJson } from "../json-reader.ts";
import { normalizePlatform, type Platform } from "../platform.ts";

/** Manifests and indexes beyond this are refused, as registries do. SPEC: OCI distribution 1.1, "Pushing Manifests". */
export const maxManifestBytes: number = 4 * 1024 * 1024;

/** The media types that Tare writes. */
export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layerTar: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

const manifestTypes: ReadonlySet<string> = new Set([
  mediaTypes.manifest,
  "application/vnd.docker.distribution.manifest.v2+json",
]);
const indexTypes: ReadonlySet<string> = new Set([
  mediaTypes.index,
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
const configTypes: ReadonlySet<string> = new Set([
  mediaTypes.config,
  "application/vnd.docker.container.image.v1+json",
]);
const layerType =
  /^application\/vnd\.(oci\.image\.layer\.(nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(diff|foreign\.diff)\.tar)([.+](gzip|zstd))?$/;

/** Points at content by digest. SPEC: OCI image 1.1, descriptor.md */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes, to be enforced while the content is read. */
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: Platform | undefined;
  readonly urls: readonly string[];
  readonly artifactType?: string | undefined;
}

export interface ImageManifest {
  readonly kind: "manifest";
  readonly mediaType: string;
  readonly config: Descriptor;
  /** From the lowest to the topmost. */
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject?: Descriptor | undefined;
  readonly artifactType?: string | undefined;
}

export interface ImageIndex {
  readonly kind: "index";
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** The role of a descriptor with this media type; undefined for a type that images do not contain. */
export function roleOf(mediaType: string): "manifest" | "index" | "config" | "layer" | undefined {
  if (manifestTypes.has(mediaType)) return "manifest";
  if (indexTypes.has(mediaType)) return "index";
  if (configTypes.has(mediaType)) return "config";
  return layerType.test(mediaType) ? "layer" : undefined;
}

/**
 * A layer that its author does not allow to be redistributed: it is fetched from the URLs in its descriptor, not from
 * registries.
 */
export function isForeign(mediaType: string): boolean {
  return /\.(foreign|nondistributable)\./.test(mediaType);
}

/**
 * Parses a manifest or an index: OCI, or Docker's schema 2 and manifest list. Throws "invalid" for anything else and
 * for a document that is both (CVE-2021-41190), "unsupported" for Docker's schema 1. `mediaType` comes from the
 * descriptor or the server; the document must not contradict it.
 */
export function parseImageDocument(
  bytes: Uint8Array,
  { mediaType: expected }: { readonly mediaType?: string | undefined } = {},
): ImageManifest | ImageIndex {
  const document = readJson(bytes, { what: "image manifest", maxBytes: maxManifestBytes });
  const version = document.at("schemaVersion").count();
  if (version === 1) {
    throw new Failure(
      "unsupported",
      "cannot read image manifest: Docker's schema 1 is obsolete: push the image anew",
    );
  }
  if (version !== 2) throw document.at("schemaVersion").refused("must be 2");
  const isManifest = document.at("config").present || document.at("layers").present;
  const isIndex = document.at("manifests").present;
  if (isManifest && isIndex) throw document.refused("is both a manifest and an index");
  if (!isManifest && !isIndex) throw document.refused("is neither a manifest nor an index");
  const stated = document.at("mediaType").optional((node) => node.text());
  const kind = isIndex ? "index" : "manifest";
  for (const type of [stated, expected]) {
    if (type !== undefined && type !== "" && roleOf(type) !== kind) {
      throw document.refused(
        `is an ${kind === "index" ? "index" : "image manifest"} but is called ${JSON.stringify(type)}`,
      );
    }
  }
  if (stated && expected && stated !== expected) {
    throw document.at("mediaType").refused(`must be ${JSON.stringify(expected)}`);
  }
  const mediaType = stated || expected || mediaTypes[kind];
  const annotations = document.at("annotations").map((node) => node.anyText());
  if (isIndex) {
    return Object.freeze({
      kind: "index",
      mediaType,
      manifests: document.at("manifests").list(readDescriptor),
      annotations,
    });
  }
  const subject = document.at("subject").optional(readDescriptor);
  const artifactType = document.at("artifactType").optional((node) => node.text());
  return Object.freeze({
    kind: "manifest",
    mediaType,
    config: readDescriptor(document.at("config")),
    layers: document.at("layers").list(readDescriptor),
    annotations,
    subject,
    artifactType,
  });
}

/** The OCI manifest of an image that came without one: the same config and layers always produce the same bytes. */
export function encodeImageManifest(image: {
  readonly config: Pick<Descriptor, "digest" | "size">;
  readonly layers: readonly Pick<Descriptor, "mediaType" | "digest" | "size">[];
}): Uint8Array {
  const pick = (mediaType: string, { digest, size }: Pick<Descriptor, "digest" | "size">) => ({
    mediaType,
    digest,
    size,
  });
  return new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: pick(mediaTypes.config, image.config),
      layers: image.layers.map((layer) => pick(layer.mediaType, layer)),
    }),
  );
}

/** The entry of an index for one of its manifests. */
export type IndexEntry = Pick<Descriptor, "mediaType" | "digest" | "size"> & {
  readonly platform: Platform & {
    readonly osVersion?: string | undefined;
    readonly osFeatures?: readonly string[] | undefined;
  };
};

const dockerManifestType = "application/vnd.docker.distribution.manifest.v2+json";
const dockerListType = "application/vnd.docker.distribution.manifest.list.v2+json";

/**
 * An index of these manifests: Docker's manifest list when all of them are Docker's, else OCI's. The same entries give
 * the same bytes.
 */
export function encodeImageIndex(entries: readonly IndexEntry[]): {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
} {
  const isDocker = entries.length > 0 && entries.every((entry) => entry.mediaType === dockerManifestType);
  const mediaType = isDocker ? dockerListType : mediaTypes.index;
  const manifests = entries.map(({ mediaType: type, size, digest, platform }) => ({
    mediaType: type,
    size,
    digest,
    platform: {
      architecture: platform.architecture,
      os: platform.os,
      "os.version": platform.osVersion,
      "os.features": platform.osFeatures,
      variant: platform.variant,
    },
  }));
  const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests }, undefined, 3);
  return { mediaType, bytes: new TextEncoder().encode(text) };
}

/** Shared with `index.json` of an OCI layout, whose entries are descriptors too. */
export function readDescriptor(node: JsonNode): Descriptor {
  const platform = node.at("platform").optional(readPlatform);
  const artifactType = node.at("artifactType").optional((type) => type.text());
  return Object.freeze({
    mediaType: node.at("mediaType").text(),
    digest: readDigest(node.at("digest")),
    size: node.at("size").count(),
    annotations: node.at("annotations").map((value) => value.anyText()),
    urls: node.at("urls").list((url) => url.text()),
    platform,
    artifactType,
  });
}

export function readDigest(node: JsonNode): Digest {
  try {
    return parseDigest(node.text());
  } catch (thrown) {
    throw thrown instanceof Failure ? node.refused(`must be a digest: ${thrown.message}`) : thrown;
  }
}

function readPlatform(node: JsonNode): Platform {
  const text = (key: string): string => node.at(key).optional((value) => value.text()) ?? "";
  return normalizePlatform(text("os"), text("architecture"), text("variant"));
}
