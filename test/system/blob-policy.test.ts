import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { spawnSync } from "node:child_process";
import {
  busyboxArchive,
  busyboxRootfsTar,
  dockerArchiveMembers,
  ociMembers,
  tarOf,
} from "../support/images.ts";
import { bulkLayer, type PlacedImage, placeImage } from "../support/registry-images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

const hasSkopeo = spawnSync("skopeo", ["--version"]).status === 0;
if (!hasSkopeo) console.log("skipped: blobs by skopeo (apt-get install skopeo)");
const zstdType = "application/vnd.oci.image.layer.v1.tar+zstd";

describe.skipIf(!isRoot)("blob policy", () => {
  let tare: Installation;
  let registry: TestRegistry;
  let rootfs: Buffer;

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
    rootfs = readFileSync(busyboxRootfsTar());
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  const run = (policy: string, ...args: readonly string[]): Promise<string> =>
    tare.must(["--blob-policy", policy, ...args]);
  const isStored = (digest: string): boolean =>
    existsSync(join(tare.dataRoot, "content/blobs", digest.replace(":", "/")));
  const isNoted = (digest: string): boolean =>
    existsSync(join(tare.dataRoot, "content/absent", digest.replace(":", "-")));
  const restart = async (policy: string): Promise<void> => {
    await tare.must(["daemon", "stop"]);
    await run(policy, "version");
    await tare.must(["system", "settle"]);
  };
  /** The blobs of a saved archive, each with the digest that its name says. */
  const saved = async (name: string): Promise<ReadonlySet<string>> => {
    const archive = join(tare.directory, "saved.tar");
    await tare.must(["save", "-o", archive, name]);
    const directory = join(tare.directory, `saved-${Math.random()}`);
    spawnSync("mkdir", [directory]);
    expect(spawnSync("tar", ["-xf", archive, "-C", directory]).status).toBe(0);
    const names = readdirSync(join(directory, "blobs/sha256"));
    for (const each of names) {
      const bytes = readFileSync(join(directory, "blobs/sha256", each));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(each);
    }
    return new Set(names.map((each) => `sha256:${each}`));
  };
  const fetched = async (work: () => Promise<unknown>): Promise<number> => {
    const before = registry.sentBlobBytes;
    await work();
    return registry.sentBlobBytes - before;
  };

  test("rebuild: what can be made again goes, and save gives it bit for bit, also after a restart", async () => {
    const images: PlacedImage[] = [
      placeImage(registry, {
        repository: "by/gzip",
        layers: [rootfs, bulkLayer(1, "g")],
        compress: (tar) => gzipSync(tar, { level: 9 }),
      }),
      placeImage(registry, {
        repository: "by/zstd",
        layers: [rootfs, bulkLayer(1, "z")],
        compress: (tar) => zstdCompressSync(tar),
        mediaType: zstdType,
      }),
    ];
    await run("rebuild", "version");
    for (const { name } of images) await tare.must(["pull", "-q", name]);
    await tare.must(["system", "settle"]);
    for (const { layers } of images)
      for (const digest of layers) expect([isStored(digest), isNoted(digest)]).toEqual([false, true]);
    await restart("rebuild");
    const bytes = await fetched(async () => {
      for (const { name, layers } of images)
        for (const digest of layers) expect(await saved(name)).toContain(digest);
      // Neither do they come again.
      for (const { name } of images) expect(await tare.must(["pull", "-q", name])).toBe(name);
    });
    expect(bytes).toBe(0);
    expect(await tare.must(["run", "--rm", images[0]?.name ?? "", "echo", "runs"])).toBe("runs");
  });

  test("rebuild: of a docker-archive only the unpacked layer stays, and it can be pushed", async () => {
    const layer = bulkLayer(2, "loaded");
    const archive = tarOf(dockerArchiveMembers([{ layers: [rootfs, layer], names: ["loaded:1"] }]));
    await tare.must(["load"], { input: archive });
    await tare.must(["system", "settle"]);
    const digests = [rootfs, layer].map(
      (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    );
    for (const digest of digests) expect([isStored(digest), isNoted(digest)]).toEqual([false, true]);
    const target = `${registry.host}/pushed/loaded:1`;
    await tare.must(["tag", "loaded:1", target]);
    await tare.must(["push", target]);
    const manifest = JSON.parse(String(registry.manifests.get("pushed/loaded 1")?.bytes)) as {
      layers: { digest: string }[];
    };
    const sent = manifest.layers.map(({ digest }) => gunzipSync(registry.blobs.get(digest) ?? ""));
    expect(
      sent.map((bytes) => Buffer.compare(bytes, [rootfs, layer][sent.indexOf(bytes)] as Buffer)),
    ).toEqual([0, 0]);
  });

  test("rebuild: what another compressor made, and what no registry has, stays", async () => {
    const other = bulkLayer(1, "other");
    // Stored blocks: no level of ours does that.
    const image = placeImage(registry, {
      repository: "by/other",
      layers: [other],
      compress: (tar) => gzipSync(tar, { level: 0 }),
    });
    await tare.must(["pull", "-q", image.name]);
    const own = bulkLayer(1, "own");
    await tare.must(["load"], {
      input: tarOf(dockerArchiveMembers([{ layers: [own], names: ["own:1"] }], { compression: "gzip" })),
    });
    await tare.must(["system", "settle"]);
    expect(isStored(image.layers[0] ?? "")).toBe(true);
    const digest = createHash("sha256")
      .update(gzipSync(own, { level: 1 }))
      .digest("hex");
    expect(isStored(`sha256:${digest}`)).toBe(true);
  });

  test.skipIf(!hasSkopeo)(
    "rebuild: of what skopeo compresses, tells how much it can do without",
    async () => {
      const shares: string[] = [];
      for (const format of ["gzip", "zstd"]) {
        const target = `${registry.host}/skopeo/${format}:1`;
        const flags = ["--insecure-policy", "--dest-tls-verify=false", "--dest-compress-format", format];
        const copied = Bun.spawn(
          ["skopeo", "copy", ...flags, `docker-archive:${busyboxArchive()}`, `docker://${target}`],
          { stdout: "ignore", stderr: "inherit" },
        );
        expect(await copied.exited).toBe(0);
        await tare.must(["pull", "-q", target]);
        await tare.must(["system", "settle"]);
        const manifest = JSON.parse(String(registry.manifests.get(`skopeo/${format} 1`)?.bytes)) as {
          layers: { digest: string; size: number }[];
        };
        const dropped = manifest.layers.filter(({ digest }) => !isStored(digest));
        shares.push(`${format}: ${dropped.length} of ${manifest.layers.length} layers`);
        expect(await saved(target)).toContain(manifest.layers[0]?.digest ?? "");
      }
      console.log(`rebuilt bit for bit of what skopeo has compressed: ${shares.join(", ")}`);
    },
  );

  test("refetch: what a registry has goes, comes again for save and push, and no longer when nobody has it", async () => {
    await restart("refetch");
    const [digest = ""] = placeImage(registry, {
      repository: "by/other",
      layers: [bulkLayer(3, "refetched")],
      compress: (tar) => gzipSync(tar, { level: 0 }),
      tag: "2",
    }).layers;
    const name = `${registry.host}/by/other:2`;
    await tare.must(["pull", "-q", name]);
    await tare.must(["system", "settle"]);
    expect([isStored(digest), isNoted(digest)]).toEqual([false, true]);
    const size = registry.blobs.get(digest)?.length ?? 0;
    expect(await fetched(() => tare.must(["pull", "-q", name]))).toBe(0);
    expect(await fetched(async () => expect(await saved(name)).toContain(digest))).toBe(size);
    await restart("refetch");
    expect(isStored(digest)).toBe(false);
    registry.fault = ({ url }) => (url.includes(digest) ? { kind: "status", status: 404 } : undefined);
    const { status, stderr } = await tare.tare(["save", "-o", join(tare.directory, "none.tar"), name]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining("which was dropped by --blob-policy refetch"),
    ]);
    expect(stderr).toContain("start the daemon with --blob-policy keep and pull the image");
    registry.fault = undefined;
    // That advice is good.
    await restart("keep");
    expect(await fetched(() => tare.must(["pull", "-q", name]))).toBe(size);
    await tare.must(["system", "settle"]);
    expect(isStored(digest)).toBe(true);
  });

  test("refetch: what was loaded is not dropped for a registry that has the same image in other blobs", async () => {
    // Stored blocks: no level of ours does that, so it could only be fetched again.
    const pack = (tar: Uint8Array): Uint8Array => gzipSync(tar, { level: 0 });
    const layers = [bulkLayer(1, "same")];
    const { name } = placeImage(registry, { repository: "same/box", layers });
    const image = { layers, names: [name], config: { Cmd: ["sh"] } };
    const archive = tarOf(ociMembers([image], { compression: "gzip", pack }));
    await restart("refetch");
    await tare.must(["load"], { input: archive });
    await tare.must(["pull", "-q", name]);
    await restart("refetch");
    expect(await fetched(() => saved(name))).toBe(0);
  });

  test("refetch from a registry that wants a password: it says what to do, and that helps", async () => {
    await using closed = await TestRegistry.start({
      auth: { kind: "basic", username: "me", password: "secret" },
    });
    const env = { DOCKER_CONFIG: join(tare.directory, "docker") };
    await restart("refetch");
    const input = "secret\n";
    await tare.must(["login", "-u", "me", "--password-stdin", closed.host], { env, input });
    const image = placeImage(closed, {
      repository: "by/private",
      layers: [bulkLayer(2, "private")],
      compress: (tar) => gzipSync(tar, { level: 0 }),
    });
    const [digest = ""] = image.layers;
    await tare.must(["pull", "-q", image.name], { env });
    await tare.must(["system", "settle"]);
    expect([isStored(digest), isNoted(digest)]).toEqual([false, true]);
    const archive = join(tare.directory, "private.tar");
    const { status, stderr } = await tare.tare(["save", "-o", archive, image.name], { env });
    expect(status).toBe(1);
    expect(stderr).toContain("which was dropped by --blob-policy refetch");
    expect(stderr).toContain(`${closed.host}/by/private@sha256:`);
    expect(stderr).toContain("authentication required");
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(archive)).toBe(false);
    // Its registry has it: nothing is to be fetched for a push there.
    const pushed = `${closed.host}/by/private:2`;
    await tare.must(["tag", image.name, pushed]);
    expect(await tare.must(["push", pushed], { env })).toMatch(/^Sent 0B of [\d.]+MB: the rest was there$/m);
    await restart("keep");
    await tare.must(["pull", "-q", image.name], { env });
    await tare.must(["system", "settle"]);
    expect(isStored(digest)).toBe(true);
    expect(await saved(image.name)).toContain(digest);
  });

  test("the data root remembers its policy, and a wrong one is refused in one sentence", async () => {
    await restart("rebuild");
    await tare.must(["daemon", "stop"]);
    await tare.must(["import", "-", "by/import:1"], { input: bulkLayer(1, "imported") });
    await tare.must(["system", "settle"]);
    const newest = readdirSync(join(tare.dataRoot, "content/absent"))
      .map((each) => statSync(join(tare.dataRoot, "content/absent", each)).mtimeMs)
      .toSorted((a, b) => b - a)[0];
    expect(Date.now() - (newest ?? 0)).toBeLessThan(60_000);
    await tare.must(["daemon", "stop"]);
    const { status, stderr } = await tare.tare(["--blob-policy", "drop", "version"]);
    expect(status).toBe(1);
    expect(stderr).toContain('invalid --blob-policy "drop": want keep, rebuild or refetch');
  });

  test("removing the images leaves nothing of the blobs that were dropped", async () => {
    await tare.must(["image", "prune", "-af"]);
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check"])).toContain("in order");
    expect(readdirSync(join(tare.dataRoot, "content/absent"))).toEqual([]);
    expect(readdirSync(join(tare.dataRoot, "content/blobs/sha256"))).toEqual([]);
  });
});
