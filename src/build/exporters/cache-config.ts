import { type Digest, findDigest } from "../../spec/digest.ts";
import { readDigest } from "../../spec/image/manifest.ts";
import { type JsonNode, readJson } from "../../spec/json-reader.ts";

/** The config of a cache manifest. */
export const cacheConfigType = "application/vnd.buildkit.cacheconfig.v0";
/** The member of an image's config that has the cache of the image itself, in base64. */
export const inlineCacheMember = "moby.buildkit.cache.v0";

/** Larger configs are not read. */
export const maxCacheConfigBytes: number = 8 * 1024 * 1024;
const mostRecords = 20_000;

/** A layer that a cache has. */
export interface CacheLayer {
  /** Of the blob that a registry has. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly diffId: Digest;
}

/** The result of a step by the digest of all that it depends on. */
export interface CacheRecord {
  /** 64 hexadecimal digits. */
  readonly key: string;
  /** Place in the list of layers. */
  readonly layer: number;
  readonly createdAtMs: number;
}

/** SPEC: BuildKit, cache/remotecache/v1: CacheConfig. Pure. */
export function encodeCacheConfig(
  layers: readonly CacheLayer[],
  records: readonly CacheRecord[],
): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      layers: layers.map(({ digest, mediaType, size, diffId }) => ({
        blob: digest,
        parent: -1,
        annotations: { mediaType, diffID: diffId, size },
      })),
      records: encodeRecords(records),
    }),
  );
}

/** For the config of an image: the layers are the image's own. Pure. */
export function encodeInlineCache(records: readonly CacheRecord[]): string {
  return Buffer.from(JSON.stringify(encodeRecords(records))).toString("base64");
}

function encodeRecords(records: readonly CacheRecord[]): readonly object[] {
  return records.map(({ key, layer, createdAtMs }) => ({
    layers: [{ layer, createdAt: new Date(createdAtMs).toISOString() }],
    digest: `sha256:${key}`,
  }));
}

/** Throws "invalid". Records that lead to no layer are left out. Pure. */
export function parseCacheConfig(bytes: Uint8Array): {
  readonly layers: readonly CacheLayer[];
  readonly records: readonly CacheRecord[];
} {
  const document = readJson(bytes, { what: "build cache", maxBytes: maxCacheConfigBytes });
  const layers = document.at("layers").list((node) => {
    const annotations = node.at("annotations");
    return {
      digest: readDigest(node.at("blob")),
      mediaType: annotations.at("mediaType").text(),
      size: annotations.at("size").count(),
      diffId: readDigest(annotations.at("diffID")),
    };
  });
  return { layers, records: readRecords(document.at("records"), layers.length) };
}

/** The records in an image's config; none: undefined. Throws "invalid". Pure. */
export function parseInlineCache(
  configBytes: Uint8Array,
): { readonly diffIds: readonly Digest[]; readonly records: readonly CacheRecord[] } | undefined {
  const config = readJson(configBytes, { what: "image config", maxBytes: maxCacheConfigBytes });
  const text = config.at(inlineCacheMember).optional((node) => node.text());
  if (text === undefined) return undefined;
  const diffIds = config.at("rootfs").at("diff_ids").list(readDigest);
  const bytes = Buffer.from(text, "base64");
  const records = readJson(bytes, { what: "inline build cache", maxBytes: maxCacheConfigBytes });
  return { diffIds, records: readRecords(records, diffIds.length) };
}

/** SAFETY: a record of others leads nowhere: its digest is of another kind of key. */
function readRecords(node: JsonNode, layers: number): readonly CacheRecord[] {
  const found = node.list((record) => {
    const digest = record.at("digest").optional((each) => findDigest(each.text()));
    const [result] = record.at("layers").list((each) => ({
      layer: each.at("layer").count(),
      createdAt: each.at("createdAt").optional((time) => Date.parse(time.text())),
    }));
    return { digest, result };
  });
  if (found.length > mostRecords) throw node.refused(`has more than ${mostRecords} records`);
  return found.flatMap(({ digest, result }) => {
    const key = /^sha256:([0-9a-f]{64})$/.exec(digest ?? "")?.[1];
    if (key === undefined || result === undefined || result.layer >= layers) return [];
    const { layer, createdAt = 0 } = result;
    return [{ key, layer, createdAtMs: Number.isFinite(createdAt) ? createdAt : 0 }];
  });
}
