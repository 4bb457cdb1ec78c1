/** What comes from registries and archives, damaged at random: an answer or a Failure, and nothing else. */
import { describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import { decompress } from "../../../src/image/streams/compression.ts";
import { readRefusal } from "../../../src/image/registry/registry-error.ts";
import { parseRetryAfter } from "../../../src/image/registry/retry.ts";
import { parseDockerArchive, parseLayoutIndex, checkOciLayout } from "../../../src/spec/image/archive.ts";
import { parseImageConfig } from "../../../src/spec/image/config.ts";
import { parseImageDocument } from "../../../src/spec/image/manifest.ts";
import { parseReference } from "../../../src/spec/reference.ts";
import { TarSplitter } from "../../../src/spec/tar-splitter.ts";
import { configOf, tarOf } from "../../support/images.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const descriptor = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 7 };
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const config = configOf({
  layers: [tarOf([["a", "b"]])],
  config: { Cmd: ["sh"], Env: ["A=b"], ExposedPorts: { "1/tcp": {} } },
});

const documents: Readonly<
  Record<string, readonly [sample: Uint8Array, parse: (bytes: Uint8Array) => unknown]>
> = {
  manifest: [
    text({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { ...descriptor, mediaType: "application/vnd.oci.image.config.v1+json" },
      layers: [descriptor, { ...descriptor, annotations: { a: "b" }, urls: ["https://a/b"] }],
      annotations: { c: "d" },
    }),
    parseImageDocument,
  ],
  index: [
    text({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [
        {
          ...descriptor,
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          platform: { os: "linux", architecture: "arm64", variant: "v8" },
        },
      ],
    }),
    parseImageDocument,
  ],
  config: [config, parseImageConfig],
  "manifest.json": [
    text([{ Config: "a.json", RepoTags: ["a:1"], Layers: ["b/layer.tar"] }]),
    parseDockerArchive,
  ],
  "index.json": [
    text({
      schemaVersion: 2,
      manifests: [{ ...descriptor, annotations: { "org.opencontainers.image.ref.name": "x" } }],
    }),
    parseLayoutIndex,
  ],
  "oci-layout": [text({ imageLayoutVersion: "1.0.0" }), checkOciLayout],
  "error of a registry": [
    text({ errors: [{ code: "DENIED", message: "no", detail: {} }] }),
    (bytes) => readRefusal(403, bytes),
  ],
};

function survives(parse: () => unknown): void {
  try {
    parse();
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.kind === "internal") throw thrown;
    expect(thrown.message).not.toContain("\n");
  }
}

/** Some bytes of a sample exchanged, left out or repeated. */
function damaged(sample: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(sample.length - 1);
  const change = fc.oneof(
    fc.tuple(at, fc.nat(255)).map(
      ([where, byte]) =>
        (bytes: number[]) =>
          void (bytes[where] = byte),
    ),
    fc.tuple(at, fc.nat(20)).map(
      ([where, count]) =>
        (bytes: number[]) =>
          void bytes.splice(where, count),
    ),
    fc.tuple(at, fc.nat(40)).map(
      ([where, count]) =>
        (bytes: number[]) =>
          void bytes.splice(where, 0, ...bytes.slice(where, where + count)),
    ),
    fc
      .tuple(
        at,
        fc.constantFrom("null", "[]", "{}", "-1", "1e999", '"\\ud800"', '"__proto__"', "9007199254740993"),
      )
      .map(
        ([where, token]) =>
          (bytes: number[]) =>
            void bytes.splice(where, token.length, ...Buffer.from(token)),
      ),
  );
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const bytes = [...sample];
    for (const each of changes) each(bytes);
    return Uint8Array.from(bytes.map((byte) => byte ?? 0));
  });
}

describe("damaged documents", () => {
  test.each(Object.keys(documents))("%s", (name) => {
    const [sample, parse] = documents[name] as (typeof documents)[string];
    parse(sample); // it is right before it is damaged
    fc.assert(
      fc.property(damaged(sample), (bytes) => survives(() => parse(bytes))),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (json) => survives(() => parse(new TextEncoder().encode(json)))),
      { numRuns: 300 },
    );
  });
});

test("parseReference() of any text", () => {
  const near = fc.stringMatching(/^[a-zA-Z0-9._:@/[\]% \n-]{0,80}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), near), (typed) =>
      survives(() => parseReference(typed)),
    ),
    { numRuns: 5000 },
  );
});

test("parseRetryAfter() of any text", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const ms = parseRetryAfter(value, 0);
      expect(ms === undefined || ms >= 0).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

describe("damaged layers", () => {
  const tar = tarOf([
    ["directory/", ""],
    ["directory/file", "content ".repeat(300)],
    ["link", { link: "directory/file" }],
    ["n".repeat(150), "x"],
  ]);

  test("tar, which is split into pieces that are all of it", () => {
    fc.assert(
      fc.property(damaged(tar), fc.integer({ min: 1, max: 3000 }), (bytes, size) =>
        survives(() => {
          const splitter = new TarSplitter();
          let total = 0;
          for (let at = 0; at < bytes.length; at += size) {
            for (const piece of splitter.push(bytes.subarray(at, at + size)))
              total += piece.kind === "raw" ? piece.bytes.length : piece.bytes;
          }
          splitter.end();
          expect(total).toBe(bytes.length);
        }),
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    ["gzip", gzipSync(tar)],
    ["zstd", zstdCompressSync(tar)],
  ] as const)("%s", async (_, blob) => {
    await fc.assert(
      fc.asyncProperty(damaged(blob), fc.integer({ min: 1, max: 200 }), async (bytes, size) => {
        const pieces = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        };
        try {
          for await (const piece of decompress(pieces())) void piece;
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 300 },
    );
  });
});
