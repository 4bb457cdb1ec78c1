import { expect, test } from "bun:test";
import { compileCacheFilters } from "../../../../src/api/image/cache-filters.ts";
import { globTest } from "../../../../src/daemon/buildkit/bridge.ts";
import { encodeResultDefinition, findResultId } from "../../../../src/daemon/buildkit/definitions.ts";
import { codecs } from "../../../../src/daemon/buildkit/codings.ts";
import { parseFrontendOptions } from "../../../../src/daemon/buildkit/frontend-options.ts";
import { encodeHeaders } from "../../../../src/daemon/buildkit/receive-files.ts";
import type { BuildCacheRecord } from "../../../../src/model/builds.ts";

test("parseFrontendOptions() has BuildKit's defaults", () => {
  expect(parseFrontendOptions({})).toMatchObject({
    filename: "Dockerfile",
    dockerfileDirectory: "dockerfile",
    contexts: new Map([["", { kind: "local", name: "context" }]]),
    buildArgs: {},
    labels: {},
    platforms: [],
    noCache: false,
    pull: false,
    network: "default",
    isMultiPlatform: false,
    subrequest: undefined,
    ignored: [],
  });
});

test.each([
  ["http://buildkit-session/abc", { kind: "upload" }],
  ["https://github.com/moby/buildkit.git#main:dir", { kind: "url" }],
  ["git@host:x/y", { kind: "url" }],
  ["https://host/archive.tar.gz", { kind: "url" }],
])("parseFrontendOptions() takes the context %s from elsewhere", (context, kind) => {
  const options = parseFrontendOptions({ context });
  expect(options.contexts.get("")).toMatchObject(kind);
  expect(options.dockerfileDirectory).toBeUndefined();
  expect(parseFrontendOptions({ context, dockerfilekey: "dockerfile" }).dockerfileDirectory).toBe(
    "dockerfile",
  );
});

test("parseFrontendOptions() reads named contexts", () => {
  const { contexts } = parseFrontendOptions({
    "context:a": "local:a",
    "context:b::linux/arm64": "docker-image://docker.io/library/b:1@sha256:x",
    "context:c": "input:c",
    "context:d": "https://host/d.git",
  });
  expect([...contexts].slice(1)).toEqual([
    ["a", { kind: "local", name: "a" }],
    ["b::linux/arm64", { kind: "image", reference: "docker.io/library/b:1@sha256:x" }],
    ["c", { kind: "input", name: "c" }],
    ["d", { kind: "url", url: "https://host/d.git" }],
  ]);
  expect(() => parseFrontendOptions({ "context:x": "other:x" })).toThrow(
    "unsupported context source other for x",
  );
});

test.each([
  [{ "force-network-mode": "bridge" }, "invalid netmode bridge"],
  [{ "add-hosts": "a" }, "failed to parse additional hosts"],
  [{ "shm-size": "1e3" }, "failed to parse shm-size"],
  [{ ulimit: "nofile" }, "failed to parse ulimit"],
  [{ "build-arg:SOURCE_DATE_EPOCH": "now" }, "failed to parse SOURCE_DATE_EPOCH"],
])("parseFrontendOptions() refuses %j", (options, words) => {
  expect(() => parseFrontendOptions(options)).toThrow(words);
});

test("parseFrontendOptions() reads attestations", () => {
  const options = {
    "attest:sbom": "generator=a/b",
    "attest:provenance": "mode=min,inline-only=true",
    "vcs:revision": "r",
  };
  expect(parseFrontendOptions(options).attestations).toEqual({
    sbom: { generator: "a/b" },
    provenance: {
      mode: "min",
      builderId: undefined,
      isReproducible: false,
      inlineOnly: true,
      vcs: { revision: "r" },
    },
  });
  expect(parseFrontendOptions({ "attest:provenance": "disabled=true" }).attestations).toEqual({});
  expect(() => parseFrontendOptions({ "attest:provenance": "mode=x" })).toThrow("invalid provenance mode");
  expect(() => parseFrontendOptions({ "attest:other": "" })).toThrow("unsupported attestation type");
});

test("parseFrontendOptions() says what has no effect", () => {
  const imports = '[{"Type":"gha","Attrs":{}},{"Type":"registry","Attrs":{"ref":"a/b:c"}}]';
  const { ignored, cacheSources } = parseFrontendOptions({ "cache-imports": imports });
  expect(ignored).toEqual(['the cache is not read from "gha": only from "registry"']);
  expect(cacheSources).toEqual([{ reference: "a/b:c", insecure: false }]);
  expect(parseFrontendOptions({ "cache-from": "a,b" }).cacheSources).toMatchObject([
    { reference: "a" },
    { reference: "b" },
  ]);
  expect(parseFrontendOptions({ "cache-imports": "[]" }).ignored).toEqual([]);
  expect(() => parseFrontendOptions({ "cache-imports": "[" })).toThrow("cannot read cache-imports");
});

const record: BuildCacheRecord = {
  id: "abc",
  parents: ["p"],
  kind: "regular",
  description: "[1/2] RUN make",
  inUse: true,
  shared: false,
  mutable: false,
  sizeBytes: 1,
  createdAtMs: 0,
  usageCount: 1,
};

test.each([
  ["", true],
  ["id==abc", true],
  ["id~=^a.c$", true],
  ["id~=^b", false],
  ["id~==^a,type!==mount", true],
  ['description~="^\\[.*, no"', false],
  ["id!=abc", false],
  ["type==regular,inuse", true],
  ["type==regular,shared", false],
  ["private", true],
  ["mutable==false", true],
  ["immutable==true", true],
  ['description~="RUN make"', true],
  ["parent==p", true],
])("compileCacheFilters(%j) is %p for the record", (filter, is) => {
  expect(compileCacheFilters([filter])(record)).toBe(is);
});

test("compileCacheFilters() takes several filters as alternatives, and refuses unknown fields", () => {
  expect(compileCacheFilters(["id==x", "id==abc"])(record)).toBe(true);
  expect(() => compileCacheFilters(["size==1"])).toThrow(/its field is unknown/);
});

test("globTest() matches names as filepath.Match, in bounded time", () => {
  expect(["a.txt", "b.md", "ab.txt"].filter(globTest("?.*"))).toEqual(["a.txt", "b.md"]);
  expect(globTest("")("x")).toBe(true);
  expect(globTest("*")("a/b")).toBe(false);
  expect(globTest(`${"*a".repeat(40)}b`)("a".repeat(5000))).toBe(false);
});

test("a result's definition has its id, and other definitions have none", () => {
  const type = codecs.of("pb.Definition");
  const definition = type.decode(type.encode(encodeResultDefinition("the-id", "linux/arm64/v8")));
  expect(findResultId(definition)).toBe("the-id");
  const other = {
    ...definition,
    def: [codecs.of("pb.Op").encode({ source: { identifier: "docker-image://x" } })],
  };
  expect(findResultId(other)).toBeUndefined();
});

test("encodeHeaders() escapes what is not ASCII", () => {
  expect(encodeHeaders({ name: "context", follow: ["a b"], exclude: ["ü"] })).toEqual({
    "dir-name": ["context"],
    followpaths: ["a b"],
    "exclude-patterns": ["%C3%BC"],
    "exclude-patterns-encoded": ["1"],
  });
});
