import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { connectEngine } from "../../src/mod.ts";
import { mediaTypes } from "../../src/spec/image/manifest.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const chart = randomBytes(100_000);
const empty = Buffer.from("{}");
const manifest = Buffer.from(
  // Spaces and unknown members: bit for bit means these, too.
  JSON.stringify(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: "application/vnd.example.chart",
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(empty), size: 2 },
      layers: [
        { mediaType: "application/vnd.example.chart.v1+binary", digest: digestOf(chart), size: chart.length },
      ],
      annotations: { "org.opencontainers.image.created": "2026-01-02T03:04:05Z", unknown: "kept" },
    },
    undefined,
    5,
  ),
);

describe.skipIf(!isRoot)("OCI artifacts", () => {
  let tare: Installation;
  let registry: TestRegistry;
  let name: string;

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
    registry.addBlob("charts/app", empty);
    registry.addBlob("charts/app", chart);
    registry.addManifest("charts/app", "1", { bytes: manifest, mediaType: mediaTypes.manifest });
    name = `${registry.host}/charts/app:1`;
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  test("are pulled, listed and inspected as what they are", async () => {
    const output = await tare.must(["pull", name]);
    expect(output).toContain(`Digest: ${digestOf(manifest)}`);
    expect(await tare.must(["images", "--no-trunc", "--format", "{{.ID}} {{.Size}}"])).toBe(
      `${digestOf(manifest)} 100kB`,
    );
    const [details] = JSON.parse(await tare.must(["image", "inspect", name])) as {
      RootFS: { Layers: string[] };
      Tare: { ArtifactType: string };
      RepoDigests: string[];
    }[];
    expect([details?.Tare.ArtifactType, details?.RootFS.Layers, details?.RepoDigests]).toEqual([
      "application/vnd.example.chart",
      [],
      [`${registry.host}/charts/app@${digestOf(manifest)}`],
    ]);
    await using engine = await connectEngine({ host: `unix://${tare.clientSocket}` });
    expect((await engine.images.list()).map(({ artifactType }) => artifactType)).toEqual([
      "application/vnd.example.chart",
    ]);
    expect(await tare.must(["pull", name])).toContain("Status: Image is up to date");
  });

  test("make no container", async () => {
    const { status, stderr } = await tare.tare(["run", "--rm", name]);
    expect([status, stderr]).toEqual([
      125,
      expect.stringContaining('it is no image but an artifact of type "application/vnd.example.chart"'),
    ]);
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("are pushed bit for bit under another name", async () => {
    const copy = `${registry.host}/other/copy:2`;
    await tare.must(["tag", name, copy]);
    expect(await tare.must(["push", copy])).toContain(`2: digest: ${digestOf(manifest)}`);
    const stored = registry.manifests.get("other/copy 2");
    expect(stored?.mediaType).toBe(mediaTypes.manifest);
    expect(Buffer.from(stored?.bytes ?? []).equals(manifest)).toBe(true);
    await tare.must(["rmi", copy]);
  });

  test("come through save and load unharmed, alone and beside an image", async () => {
    await tare.must(["load", "-i", busyboxArchive()]);
    for (const names of [[name], ["busybox", name]]) {
      const archive = join(tare.directory, `saved-${names.length}.tar`);
      await tare.must(["save", "-o", archive, ...names]);
      await using other = new Installation();
      const loaded = await other.must(["load", "-i", archive]);
      expect(loaded.split("\n").sort()).toEqual(
        names.map((each) => `Loaded image: ${each === "busybox" ? "busybox:latest" : each}`).sort(),
      );
      expect(await other.must(["images", "-q", "--no-trunc", name])).toBe(digestOf(manifest));
      const copy = `${registry.host}/other/again:${names.length}`;
      await other.must(["tag", name, copy]);
      await other.must(["push", copy]);
      const stored = registry.manifests.get(`other/again ${names.length}`);
      expect(Buffer.from(stored?.bytes ?? []).equals(manifest)).toBe(true);
      await other.must(["rmi", name, copy]);
      await other.must(["system", "settle"]);
      expect(await other.must(["system", "check"])).toBe("Everything is in order.");
    }
  });

  test("a blob that is not what its digest says leaves nothing", async () => {
    registry.addManifest("charts/app", "2", {
      bytes: Buffer.from(String(manifest).replace(digestOf(chart), digestOf(Buffer.from("other")))),
      mediaType: mediaTypes.manifest,
    });
    registry.addBlob("charts/app", Buffer.from("other"));
    registry.fault = ({ url }) =>
      url.includes(digestOf(Buffer.from("other")))
        ? { kind: "lie", bytes: randomBytes(chart.length) }
        : undefined;
    const { status, stderr } = await tare.tare(["pull", `${registry.host}/charts/app:2`]);
    registry.fault = undefined;
    expect([status, stderr]).toEqual([1, expect.stringContaining("cannot pull")]);
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });
});
