import { describe, expect, test } from "bun:test";
import { parseBuildOptions } from "../../../src/api/image/build-options.ts";
import { isArchive } from "../../../src/cli/build/build-context.ts";
import { buildFlags, type BuildValues } from "../../../src/cli/build/build-flags.ts";
import { parseOutput } from "../../../src/cli/build/build-output.ts";
import { optionsLineOf } from "../../../src/cli/build/options-line.ts";
import { parseNamedContext } from "../../../src/cli/build/named-contexts.ts";
import { parseCache } from "../../../src/cli/build/parse-cache.ts";
import { parseSecret } from "../../../src/cli/build/secrets.ts";
import { parseFlags } from "../../../src/cli/flags/parse.ts";
import { Failure } from "../../../src/base/failure.ts";

function lineOf(words: readonly string[], env: Readonly<Record<string, string>> = {}): object {
  const { values } = parseFlags<BuildValues>(buildFlags, words, { optionsEnd: "dashes" });
  const outputs = (values.output.length === 0 ? ["type=docker"] : values.output).map(parseOutput);
  const line: unknown = JSON.parse(JSON.stringify(optionsLineOf(values, { env, outputs })));
  if (typeof line !== "object" || line === null) throw new Error("no line");
  return line;
}

describe("optionsLineOf()", () => {
  test("takes a build argument without a value from the environment, and leaves out one that is not set there", () => {
    expect(
      lineOf(["--build-arg", "A", "--build-arg", "B", "--build-arg", "C=c=d"], { A: "a" }),
    ).toMatchObject({
      BuildArgs: { A: "a", C: "c=d" },
    });
  });

  test("hands SOURCE_DATE_EPOCH on unless an argument has it", () => {
    expect(lineOf([], { SOURCE_DATE_EPOCH: "5" })).toMatchObject({ BuildArgs: { SOURCE_DATE_EPOCH: "5" } });
    expect(lineOf(["--build-arg", "SOURCE_DATE_EPOCH=7"], { SOURCE_DATE_EPOCH: "5" })).toMatchObject({
      BuildArgs: { SOURCE_DATE_EPOCH: "7" },
    });
  });

  test("has the limits in the fields of a container", () => {
    const words =
      "-m 64m --memory-swap -1 -c 512 --cpuset-cpus 0 --shm-size 1m --ulimit nofile=10:20 --add-host a=1.2.3.4";
    expect(lineOf(words.split(" "))).toMatchObject({
      HostConfig: {
        Memory: 64 * 1024 ** 2,
        MemorySwap: -1,
        CpuShares: 512,
        CpusetCpus: "0",
        ShmSize: 1024 ** 2,
        Ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
        ExtraHosts: ["a:1.2.3.4"],
      },
    });
  });

  test("allows the host's network where it is asked for", () => {
    expect(lineOf(["--network", "host"])).toMatchObject({
      Entitlements: ["network.host"],
      NetworkMode: "host",
    });
    expect(lineOf([])).toMatchObject({ Entitlements: [] });
  });

  test("adds the names of the output to the tags", () => {
    expect(lineOf(["-t", "a", "-o", "type=registry,name=b"])).toMatchObject({
      Tags: ["a", "b"],
      Outputs: [{ Type: "image", Attributes: { push: "true" } }],
    });
  });

  test("what it makes is what parseBuildOptions() reads", () => {
    const words =
      "-t a:1 --target t --no-cache-filter x,y --pull --platform linux/arm64 --label l=1 -m 8m".split(" ");
    expect(parseBuildOptions(lineOf(words))).toMatchObject({
      tags: ["a:1"],
      target: "t",
      noCache: ["x", "y"],
      pull: true,
      platforms: ["linux/arm64"],
      labels: { l: "1" },
      limits: { memoryBytes: 8 * 1024 ** 2 },
      outputs: [{ type: "image", attributes: {} }],
      context: undefined,
    });
  });
});

describe("parseBuildOptions()", () => {
  test.each<[string, object]>([
    ["a relative path", { Context: { Path: "a", Device: "1", Inode: "2" } }],
    ["a path without an inode", { Context: { Path: "/a", Device: "1" } }],
    ["a bad tag", { Tags: ["A B"] }],
    ["a bad platform", { Platforms: ["a/b/c/d"] }],
    ["a secret that is not base64", { Secrets: { a: "?" } }],
    ["an unknown output", { Outputs: [{ Type: "x" }] }],
    ["an unknown cache", { CacheTo: [{ Type: "x" }] }],
    ["a cache without a reference", { CacheFrom: [{ Type: "registry" }] }],
    ["too many caches", { CacheTo: Array.from({ length: 17 }, () => ({ Type: "inline" })) }],
    ["an unknown attestation", { Attestations: { x: "" } }],
    ["an unknown compression", { Outputs: [{ Type: "oci", Attributes: { compression: "x" } }] }],
    ["a named context without a source", { NamedContexts: { a: {} } }],
    ["an unknown report", { Describe: "x" }],
    ["an unknown network", { NetworkMode: "container:a" }],
    ["an unknown entitlement", { Entitlements: ["all"] }],
    ["a time that is none", { BuildArgs: { SOURCE_DATE_EPOCH: "soon" } }],
    ["a field of another type", { Target: 1 }],
  ])("refuses %s", (_, line) => {
    expect(() => parseBuildOptions(line)).toThrow(Failure);
  });

  test("keeps devices and inodes of 64 bits", () => {
    const line = { Context: { Path: "/a", Device: "18446744073709551615", Inode: "9007199254740993" } };
    expect(parseBuildOptions(line).context).toEqual({
      path: "/a",
      device: 18446744073709551615n,
      inode: 9007199254740993n,
    });
  });
});

describe("parseOutput()", () => {
  test.each<[string, object]>([
    ["out", { kind: "local", directory: "out" }],
    ["-", { kind: "tar", file: "-" }],
    ["type=local,dest=a b", { kind: "local", directory: "a b" }],
    ["type=tar", { kind: "tar", file: "-" }],
    ["type=docker", { kind: "image", names: [], attributes: {} }],
    ["type=docker,dest=a.tar", { kind: "docker", file: "a.tar", names: [], attributes: {} }],
    ["type=image,name=a,push=true", { kind: "image", names: ["a"], attributes: { push: "true" } }],
    ["type=oci,compression=zstd", { kind: "oci", file: "-", names: [], attributes: { compression: "zstd" } }],
    ["type=oci,dest=d,tar=false", { kind: "oci-directory", directory: "d", names: [], attributes: {} }],
    ["type=cacheonly", { kind: "none" }],
  ])("%s", (text, output) => {
    expect(parseOutput(text)).toEqual(output as ReturnType<typeof parseOutput>);
  });

  test.each(["type=local", "type=oci,tar=false", "type=x", "dest=a", "type=tar,x=y", "type=tar,dest"])(
    "refuses %s",
    (text) => {
      expect(() => parseOutput(text)).toThrow(Failure);
    },
  );
});

describe("parseCache()", () => {
  test.each([
    ["a/b:c", { Type: "registry", Attributes: { ref: "a/b:c" } }],
    ["type=registry,ref=a,mode=max", { Type: "registry", Attributes: { ref: "a", mode: "max" } }],
    ["type=inline", { Type: "inline", Attributes: {} }],
  ])("%s", (text, cache) => {
    expect(parseCache(text)).toEqual(cache);
  });

  test.each(["", "a,b", "ref=a", "type=registry", "type=local,src=x"])("refuses %j", (text) => {
    expect(() => parseCache(text)).toThrow(Failure);
  });
});

describe("attestationsOf()", () => {
  test.each([
    [["--attest", "type=provenance,mode=max"], { provenance: "mode=max" }],
    [["--provenance", "true", "--sbom", "generator=a"], { provenance: "", sbom: "generator=a" }],
    [["--attest", "type=sbom", "--sbom", "false"], {}],
  ])("%j", (words, attestations) => {
    expect(lineOf(words)).toMatchObject({ Attestations: attestations });
  });

  test.each(["mode=max", "type=x"])("refuses %s", (text) => {
    expect(() => lineOf(["--attest", text])).toThrow(/attestation type/);
  });
});

describe("parseNamedContext()", () => {
  test.each([
    ["a=docker-image://b:1", { name: "a", kind: "image", reference: "b:1" }],
    ["docker.io/library/a:latest=dir", { name: "a", kind: "directory", path: "dir" }],
    ["a=https://host/x.git", { name: "a", kind: "url", url: "https://host/x.git" }],
  ])("%s", (text, context) => {
    expect(parseNamedContext(text)).toEqual(context as ReturnType<typeof parseNamedContext>);
  });
});

describe("parseSecret()", () => {
  test.each([
    ["id=a", { id: "a", file: undefined, variable: undefined }],
    ["id=a,src=b", { id: "a", file: "b", variable: undefined }],
    ["id=a,env=B", { id: "a", file: undefined, variable: "B" }],
    ["type=env,id=a,src=B", { id: "a", variable: "B" }],
  ])("%s", (text, secret) => {
    expect(parseSecret(text)).toEqual(secret);
  });

  test.each(["src=a", "id=a,x=y", "a", "type=x,id=a"])("refuses %s", (text) => {
    expect(() => parseSecret(text)).toThrow(Failure);
  });
});

test("isArchive() knows archives by their first bytes", () => {
  const tar = Buffer.alloc(512);
  tar.write("ustar", 257);
  expect([tar, Buffer.from([0x1f, 0x8b, 8]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])].map(isArchive)).toEqual([
    true,
    true,
    true,
  ]);
  expect([Buffer.from("FROM a\n"), Buffer.alloc(0)].map(isArchive)).toEqual([false, false]);
});
