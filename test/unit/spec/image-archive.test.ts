import { expect, test } from "bun:test";
import { digestOf } from "../../../src/spec/digest.ts";
import {
  checkOciLayout,
  cleanMemberPath,
  parseDockerArchive,
  parseLayoutIndex,
} from "../../../src/spec/image/archive.ts";
import { mediaTypes } from "../../../src/spec/image/manifest.ts";
import { formatReference } from "../../../src/spec/reference.ts";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test("parseDockerArchive() reads images, names and clean paths", () => {
  const [image, untagged] = parseDockerArchive(
    encode([
      { Config: "./a.json", RepoTags: ["busybox:latest", "x.y/z:1"], Layers: ["a//layer.tar"] },
      { Config: "blobs/sha256/b", RepoTags: null, Layers: null },
    ]),
  );
  expect(image?.configPath).toBe("a.json");
  expect(image?.layerPaths).toEqual(["a/layer.tar"]);
  expect(image?.references.map(formatReference)).toEqual(["docker.io/library/busybox:latest", "x.y/z:1"]);
  expect(untagged?.references).toEqual([]);
});

test.each([
  [[{ Config: "../a.json" }], "outside of it"],
  [[{ Config: "/etc/passwd" }], "outside of it"],
  [[{ Config: "a", Layers: ["b/../../c"] }], "outside of it"],
  [[{ Config: "a", RepoTags: ["Not A Name"] }], "[0].RepoTags[0] must be a name with a tag"],
  [[{ Config: "a", RepoTags: ["untagged"] }], "must be a name with a tag"],
  [[{}], "[0].Config must be a string"],
  [{}, "it must be a list"],
])("parseDockerArchive() refuses %j", (document, detail) => {
  expect(() => parseDockerArchive(encode(document))).toThrow(detail);
});

test("parseLayoutIndex() takes containerd's name, or a ref.name that is whole", () => {
  const entry = (annotations?: object) => ({
    mediaType: mediaTypes.manifest,
    digest: digestOf("m"),
    size: 1,
    annotations,
  });
  const refName = "org.opencontainers.image.ref.name";
  const entries = parseLayoutIndex(
    encode({
      schemaVersion: 2,
      manifests: [
        entry({ "io.containerd.image.name": "docker.io/library/a:1", [refName]: "1" }),
        entry({ [refName]: "latest" }),
        entry({ [refName]: "a.b/c" }),
        entry({ [refName]: "NOT VALID:" }),
        entry(),
      ],
    }),
  );
  expect(entries.map(({ references }) => references.map(formatReference))).toEqual([
    ["docker.io/library/a:1"],
    [],
    ["a.b/c:latest"],
    [],
    [],
  ]);
});

test("parseLayoutIndex() refuses a manifest in its place", () => {
  expect(() => parseLayoutIndex(encode({ schemaVersion: 2, manifests: [], layers: [] }))).toThrow("both");
  expect(() => parseLayoutIndex(encode({ schemaVersion: 2 }))).toThrow("has no manifests");
});

test("checkOciLayout() takes 1.x only", () => {
  checkOciLayout(encode({ imageLayoutVersion: "1.0.0" }));
  expect(() => checkOciLayout(encode({ imageLayoutVersion: "2.0.0" }))).toThrow("is not known");
});

test("cleanMemberPath() has one form for a name", () => {
  expect(cleanMemberPath("./blobs//sha256/a/")).toBe("blobs/sha256/a");
  expect(() => cleanMemberPath("./")).toThrow("outside of it");
});
