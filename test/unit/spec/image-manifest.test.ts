import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import { digestOf } from "../../../src/spec/digest.ts";
import {
  encodeImageManifest,
  mediaTypes,
  parseImageDocument,
  roleOf,
} from "../../../src/spec/image/manifest.ts";

const digest = digestOf("x");
const config = { mediaType: mediaTypes.config, digest, size: 7 };
const layer = { mediaType: mediaTypes.layerGzip, digest, size: 32, annotations: { a: "b" } };
const manifest = { schemaVersion: 2, config, layers: [layer] };
const index = {
  schemaVersion: 2,
  manifests: [
    { ...config, mediaType: mediaTypes.manifest, platform: { os: "linux", architecture: "aarch64" } },
  ],
};
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

describe("parseImageDocument()", () => {
  test("reads an OCI manifest and fills in its media type", () => {
    const parsed = parseImageDocument(encode({ ...manifest, subject: config, artifactType: "x/y" }));
    expect(parsed).toMatchObject({
      kind: "manifest",
      mediaType: mediaTypes.manifest,
      config: { digest, size: 7 },
      layers: [{ mediaType: mediaTypes.layerGzip, annotations: { a: "b" } }],
      subject: { digest },
      artifactType: "x/y",
    });
  });
  test("reads Docker's schema 2 and list", () => {
    expect(parseImageDocument(encode({ ...manifest, mediaType: dockerManifest })).kind).toBe("manifest");
    const list = parseImageDocument(encode(index), {
      mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
    });
    expect(list.kind === "index" && list.manifests[0]?.platform).toEqual({
      os: "linux",
      architecture: "arm64",
    });
  });
  const refused: readonly (readonly [string, unknown, string])[] = [
    ["both at once", { ...manifest, ...index }, "is both a manifest and an index"],
    ["layers in an index", { ...index, layers: [] }, "is both a manifest and an index"],
    ["neither", { schemaVersion: 2 }, "is neither a manifest nor an index"],
    [
      "a wrong media type",
      { ...manifest, mediaType: mediaTypes.index },
      "is an image manifest but is called",
    ],
    ["a foreign media type", { ...manifest, mediaType: "text/html" }, 'is called "text/html"'],
    ["schema 1", { schemaVersion: 1, fsLayers: [] }, "Docker's schema 1 is obsolete"],
    ["schema 3", { ...manifest, schemaVersion: 3 }, "schemaVersion must be 2"],
    ["no schema", { ...manifest, schemaVersion: undefined }, "schemaVersion must be an integer"],
    ["a negative size", { ...manifest, config: { ...config, size: -1 } }, "config.size must be an integer"],
    [
      "a size beyond 2⁵³",
      { ...manifest, config: { ...config, size: 2 ** 60 } },
      "config.size must be an integer",
    ],
    [
      "a path as digest",
      { ...manifest, config: { ...config, digest: "sha256:../../x" } },
      "config.digest must be a digest",
    ],
    ["no config", { schemaVersion: 2, layers: [layer] }, "config.mediaType must be a string"],
    ["a list", [manifest], "it must be an object"],
    ["text", "x", "it must be an object"],
  ];
  test.each(refused)("refuses %s", (_, document, detail) => {
    expect(() => parseImageDocument(encode(document))).toThrow(detail);
  });
  test("refuses a document that is not what the descriptor called it", () => {
    expect(() => parseImageDocument(encode(index), { mediaType: mediaTypes.manifest })).toThrow(
      "is an index but is called",
    );
    expect(() =>
      parseImageDocument(encode({ ...manifest, mediaType: mediaTypes.manifest }), {
        mediaType: dockerManifest,
      }),
    ).toThrow("mediaType must be");
  });
  test("refuses what is too long, too deep, no UTF-8 or no JSON", () => {
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    expect(() => parseImageDocument(new Uint8Array(4 * 1024 * 1024 + 1))).toThrow(
      "at most 4194304 are allowed",
    );
    expect(() => parseImageDocument(text("[".repeat(1_000_000)))).toThrow("nested deeper than 64");
    expect(() => parseImageDocument(Uint8Array.of(0x22, 0xff, 0x22))).toThrow("it is no JSON");
    expect(() => parseImageDocument(text("\ufeff{}"))).toThrow("it is no JSON");
    expect(() => parseImageDocument(text("{}{}"))).toThrow("it is no JSON");
  });
  test("throws nothing but failures, whatever it reads [property]", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (json) => {
        try {
          parseImageDocument(new TextEncoder().encode(json));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Failure);
        }
      }),
    );
  });
});

test("encodeImageManifest() gives the same bytes for the same parts and parses back", () => {
  const bytes = encodeImageManifest({ config, layers: [layer] });
  expect(encodeImageManifest({ layers: [layer], config })).toEqual(bytes);
  expect(parseImageDocument(bytes)).toMatchObject({ kind: "manifest", layers: [{ digest, size: 32 }] });
});

test.each([
  [mediaTypes.layerTar, "layer"],
  [mediaTypes.layerZstd, "layer"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "layer"],
  ["application/vnd.docker.image.rootfs.diff.tar.zstd", "layer"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "layer"],
  ["application/vnd.docker.container.image.v1+json", "config"],
  ["application/vnd.oci.image.layer.v1.tar+gzip+encrypted", undefined],
  ["application/vnd.in-toto+json", undefined],
])("roleOf() %s is %p", (type, role) => {
  expect(roleOf(type)).toBe(role as "layer");
});
