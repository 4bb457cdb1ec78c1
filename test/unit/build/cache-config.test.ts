import { expect, test } from "bun:test";
import {
  encodeCacheConfig,
  encodeInlineCache,
  inlineCacheMember,
  parseCacheConfig,
  parseInlineCache,
} from "../../../src/build/exporters/cache-config.ts";
import { digestOf } from "../../../src/spec/digest.ts";

const digest = digestOf(Buffer.from("blob"));
const diffId = digestOf(Buffer.from("tar"));
const layer = { digest, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", size: 7, diffId };
const record = { key: "a".repeat(64), layer: 0, createdAtMs: 1_000_000 };

test("parseCacheConfig() reads what encodeCacheConfig() writes", () => {
  expect(parseCacheConfig(encodeCacheConfig([layer], [record]))).toEqual({
    layers: [layer],
    records: [record],
  });
});

test("parseInlineCache() reads what encodeInlineCache() writes, and nothing from other images", () => {
  const config = { rootfs: { diff_ids: [diffId] }, [inlineCacheMember]: encodeInlineCache([record]) };
  expect(parseInlineCache(Buffer.from(JSON.stringify(config)))).toEqual({
    diffIds: [diffId],
    records: [record],
  });
  expect(parseInlineCache(Buffer.from("{}"))).toBeUndefined();
});

test("parseCacheConfig() leaves out records that lead nowhere, and those of other kinds", () => {
  const bytes = encodeCacheConfig([layer], [{ ...record, layer: 1 }]);
  expect(parseCacheConfig(bytes).records).toEqual([]);
  // BuildKit's own: without a result of its own.
  const other = { layers: [], records: [{ digest: `sha256:${"b".repeat(64)}`, inputs: [[{ link: 0 }]] }] };
  expect(parseCacheConfig(Buffer.from(JSON.stringify(other))).records).toEqual([]);
});

test.each([
  "[",
  '{"layers":[{"blob":"x"}]}',
  '{"layers":[{"blob":"../../etc","annotations":{}}]}',
  '{"records":[{"digest":1}]}',
  '{"records":[{"digest":"sha256:0","layers":[{"layer":-1}]}]}',
  '{"layers":{}}',
])("parseCacheConfig() refuses %s", (text) => {
  expect(() => parseCacheConfig(Buffer.from(text))).toThrow(/cannot read build cache/);
});
