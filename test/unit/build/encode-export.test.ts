import { expect, test } from "bun:test";
import { encodeExport, type ExportedImage } from "../../../src/build/exporters/encode-export.ts";
import { packageUrl, provenanceOf } from "../../../src/build/exporters/provenance.ts";
import { type Digest, digestOf } from "../../../src/spec/digest.ts";
import { parseImageDocument } from "../../../src/spec/image/manifest.ts";

const layer = {
  mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  digest: digestOf(Buffer.from("layer")),
  size: 5,
};
const image = (platform: string): ExportedImage => ({
  platform,
  configBytes: Buffer.from(JSON.stringify({ platform })),
  layers: [layer],
});
const json = (documents: ReturnType<typeof encodeExport>["documents"], digest: Digest): unknown =>
  JSON.parse(Buffer.from(documents.get(digest)?.bytes ?? []).toString());

test("encodeExport() of one image is its manifest, in OCI's types", () => {
  const { root, manifests, documents, layers } = encodeExport([image("linux/amd64")]);
  expect(root).toEqual(manifests[0] ?? root);
  expect(layers).toEqual([layer]);
  expect(json(documents, root.digest)).toMatchObject({
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" }],
  });
  for (const [digest, { bytes }] of documents) expect(digestOf(bytes)).toBe(digest);
});

test("encodeExport() of several images is an index, whose documents come before it", () => {
  const { root, documents } = encodeExport([image("linux/amd64"), image("linux/arm/v7")], {
    annotations: { index: { a: "1" } },
  });
  expect([...documents.keys()].at(-1)).toBe(root.digest);
  const index = parseImageDocument(documents.get(root.digest)?.bytes ?? new Uint8Array());
  expect(index).toMatchObject({
    kind: "index",
    annotations: { a: "1" },
    manifests: [
      { platform: { architecture: "amd64" } },
      { platform: { architecture: "arm", variant: "v7" } },
    ],
  });
});

test("encodeExport() puts statements about an image into a manifest after the images", () => {
  const statements = [{ predicateType: "https://x", predicate: { a: 1 } }];
  const { root, manifests, documents } = encodeExport([
    { ...image("linux/amd64"), statements, subjects: ["pkg:x"] },
  ]);
  const [first] = manifests;
  expect(json(documents, root.digest)).toMatchObject({
    manifests: [
      { digest: first?.digest },
      { annotations: { "vnd.docker.reference.digest": first?.digest }, platform: { os: "unknown" } },
    ],
  });
  const statement = [...documents.values()].find(
    ({ mediaType }) => mediaType === "application/vnd.in-toto+json",
  );
  expect(JSON.parse(Buffer.from(statement?.bytes ?? []).toString())).toEqual({
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "https://x",
    subject: [{ name: "pkg:x", digest: { sha256: first?.digest.slice("sha256:".length) } }],
    predicate: { a: 1 },
  });
});

test.each([
  ["busybox", "pkg:docker/busybox@latest?platform=linux%2Famd64"],
  ["localhost:5000/a/b:1", "pkg:docker/localhost:5000/a/b@1?platform=linux%2Famd64"],
  [`a@sha256:${"0".repeat(64)}`, `pkg:docker/a?digest=sha256:${"0".repeat(64)}&platform=linux%2Famd64`],
])("packageUrl() of %s", (reference, url) => {
  expect(packageUrl(reference, "linux/amd64")).toBe(url);
});

test("provenanceOf() leaves arguments and secrets out with mode min", () => {
  const facts = {
    platform: "linux/amd64",
    buildPlatform: { os: "linux", architecture: "amd64" },
    materials: [],
    entryPoint: "Dockerfile",
    dockerfile: "FROM scratch",
    args: { "build-arg:A": "hidden" },
    secrets: ["s"],
    locals: ["context"],
    isHermetic: true,
    startedAtMs: 0,
    finishedAtMs: 1000,
    invocationId: "i",
  };
  const min = JSON.stringify(provenanceOf(facts, { mode: "min" }));
  const max = JSON.stringify(provenanceOf(facts, { mode: "max" }));
  expect(min).not.toContain("hidden");
  expect(min).not.toContain('"secrets"');
  expect(max).toContain('"args":{"build-arg:A":"hidden"}');
  expect(max).toContain('"secrets":[{"id":"s","optional":true}]');
  expect(max).toContain(Buffer.from("FROM scratch").toString("base64"));
});
