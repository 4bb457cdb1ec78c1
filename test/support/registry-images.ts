/** Images in a test's registry. */
import { gzipSync } from "node:zlib";
import { configOf, tarOf } from "./images.ts";
import type { SeenRequest, TestRegistry } from "./test-registry.ts";

export interface PlacedImage {
  /** `127.0.0.1:5000/some/name:1` */
  readonly name: string;
  /** Of the layers' blobs, the lowest first. */
  readonly layers: readonly string[];
  readonly config: string;
  readonly manifest: string;
  /** Of config and layers together, each once. */
  readonly blobBytes: number;
}

/** Puts an image of these layers (tars, which are compressed here) under `repository:tag`. */
export function placeImage(
  registry: TestRegistry,
  {
    repository,
    tag = "1",
    layers,
    compress = (layer) => gzipSync(layer, { level: 1 }),
    mediaType = "application/vnd.oci.image.layer.v1.tar+gzip",
  }: {
    readonly repository: string;
    readonly tag?: string;
    readonly layers: readonly Uint8Array[];
    readonly compress?: (layer: Uint8Array) => Uint8Array;
    readonly mediaType?: string;
  },
): PlacedImage {
  const config = configOf({ layers, config: { Cmd: ["sh"] } });
  const blobs = layers.map((layer) => compress(layer));
  const digests = blobs.map((blob) => registry.addBlob(repository, blob));
  const configDigest = registry.addBlob(repository, config);
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: configDigest,
      size: config.length,
    },
    layers: blobs.map((blob, index) => ({ mediaType, digest: digests[index], size: blob.length })),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const sizes = new Map(blobs.map((blob, index) => [digests[index], blob.length]));
  return {
    name: `${registry.host}/${repository}:${tag}`,
    layers: digests,
    config: configDigest,
    manifest: registry.addManifest(repository, tag, { bytes, mediaType: manifest.mediaType }),
    blobBytes: [...sizes.values()].reduce((sum, size) => sum + size, config.length),
  };
}

/** A layer of one file that gzip can't make smaller. */
export function bulkLayer(megabytes: number, name = "bulk"): Buffer {
  const pieces = Array.from({ length: megabytes * 16 }, () => crypto.getRandomValues(new Uint8Array(65_536)));
  return tarOf([[name, Buffer.concat(pieces)]]);
}

export function isBlobRequest({ method, url }: SeenRequest): boolean {
  return method === "GET" && url.includes("/blobs/");
}

/** How often each blob was asked for. */
export function blobRequests(registry: TestRegistry): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { url } of registry.seen.filter(isBlobRequest)) {
    const digest = url.slice(url.lastIndexOf("/") + 1);
    counts.set(digest, (counts.get(digest) ?? 0) + 1);
  }
  return counts;
}
