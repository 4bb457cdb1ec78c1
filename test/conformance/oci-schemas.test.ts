/** What we save and push, against the schemas of the OCI's image specification. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { schemaProblems } from "../support/json-schema.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const reference = process.env["TARE_REFERENCE"];
if (reference === undefined)
  console.log("skipped: the schemas of images (set TARE_REFERENCE to their folder)");

describe.skipIf(!isRoot || reference === undefined)("by the schemas of OCI images", () => {
  let tare: Installation;
  let registry: TestRegistry;
  const schemas = join(reference ?? "", "oci-image");
  const names = ["loaded:1", "committed:1", "imported:1", "zipped:1"];

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["tag", "busybox", "loaded:1"]);
    const script = "echo x > /x; rm /bin/ls";
    await tare.must(["run", "--name", "made", "-e", "A=b", "busybox", "sh", "-c", script]);
    const changes = [
      "-c",
      "EXPOSE 80/udp",
      "-c",
      "VOLUME /data",
      "-c",
      "LABEL a=b",
      "-c",
      "STOPSIGNAL SIGINT",
    ];
    await tare.must(["commit", "-a", "me", "-m", "why", ...changes, "made", "committed:1"]);
    await tare.must(["import", "-", "imported:1"], { input: readFileSync(busyboxArchive()) });
    await tare.must(["rm", "made"]);
    await tare.must(["load", "-i", busyboxArchive("oci-zstd")]);
    await tare.must(["tag", "busybox", "zipped:1"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  test("what we save is right: layout, index, manifests, configs, descriptors", async () => {
    const archive = join(tare.directory, "saved.tar");
    await tare.must(["save", "-o", archive, ...names]);
    const directory = join(tare.directory, "saved");
    mkdirSync(directory);
    expect(spawnSync("tar", ["-xf", archive, "-C", directory]).status).toBe(0);
    const read = (path: string): unknown => JSON.parse(readFileSync(join(directory, path), "utf8"));
    expect(schemaProblems(schemas, "image-layout-schema.json", read("oci-layout"))).toEqual([]);
    const index = read("index.json") as { manifests: { digest: string }[] };
    expect(schemaProblems(schemas, "image-index-schema.json", index)).toEqual([]);
    expect(index.manifests.length).toBe(names.length);
    for (const descriptor of index.manifests) {
      expect(schemaProblems(schemas, "content-descriptor.json", descriptor)).toEqual([]);
      const manifest = read(`blobs/${descriptor.digest.replace(":", "/")}`) as { config: { digest: string } };
      expect(schemaProblems(schemas, "image-manifest-schema.json", manifest)).toEqual([]);
      const config = read(`blobs/${manifest.config.digest.replace(":", "/")}`);
      expect(schemaProblems(schemas, "config-schema.json", config)).toEqual([]);
    }
  });

  test("what we push is right, and says what it is", async () => {
    for (const name of names) {
      const target = `${registry.host}/pushed/${name}`;
      await tare.must(["tag", name, target]);
      await tare.must(["push", "-q", target]);
      const [repository = "", tag = ""] = `pushed/${name}`.split(":");
      const stored = registry.manifests.get(`${repository} ${tag}`);
      const manifest = JSON.parse(Buffer.from(stored?.bytes ?? []).toString()) as {
        mediaType: string;
        config: { digest: string };
      };
      expect(stored?.mediaType).toBe(manifest.mediaType);
      expect(schemaProblems(schemas, "image-manifest-schema.json", manifest)).toEqual([]);
      const config = JSON.parse(Buffer.from(registry.blobs.get(manifest.config.digest) ?? []).toString());
      expect(schemaProblems(schemas, "config-schema.json", config)).toEqual([]);
    }
  });

  test("what is wrong is found", () => {
    const wrong = { schemaVersion: 1, config: { mediaType: "x", digest: "sha256", size: -1 }, layers: [] };
    expect(schemaProblems(schemas, "image-manifest-schema.json", wrong).length).toBeGreaterThanOrEqual(5);
  });
});
