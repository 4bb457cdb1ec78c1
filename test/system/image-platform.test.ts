import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mediaTypes } from "../../src/spec/image/manifest.ts";
import { hostPlatform } from "../../src/spec/platform.ts";
import { askApi } from "../support/ask-api.ts";
import { configOf, ociMembers, tarOf, type TestImage } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

describe.skipIf(!isRoot)("platforms and tags of an image", () => {
  const mine = hostPlatform().architecture;
  let tare: Installation;
  let registry: TestRegistry;
  let archive: string;

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
    archive = join(tare.directory, "both.tar");
    const image = (architecture: string): TestImage => ({
      layers: [tarOf([["which", architecture]])],
      names: ["both:1"],
      architecture,
    });
    writeFileSync(archive, tarOf(ociMembers([image(mine), image("s390x")], { perPlatform: true })));
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const platformOf = (name: string): Promise<string> =>
    tare.must(["image", "inspect", "-f", "{{.Os}}/{{.Architecture}}", name]);

  test("load takes the platform that is asked for, and says which there are", async () => {
    await tare.must(["load", "-i", archive]);
    expect(await platformOf("both:1")).toBe(`linux/${mine}`);
    await tare.must(["load", "--platform", "linux/s390x", "-i", archive]);
    expect(await platformOf("both:1")).toBe("linux/s390x");
    const { status, stderr } = await tare.tare(["load", "--platform", "linux/mips", "-i", archive]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining(`it has no image for linux/mips (there is: linux/${mine}, linux/s390x)`),
    ]);
  });

  test("inspect, history, save, push and rmi refuse an image of another platform, by flag and by Docker's JSON", async () => {
    const target = `${registry.host}/both:1`;
    await tare.must(["tag", "both:1", target]);
    for (const args of [
      ["image", "inspect", "both:1"],
      ["history", "both:1"],
      ["save", "-o", join(tare.directory, "no.tar"), "both:1"],
      ["push", target],
      ["rmi", target],
    ]) {
      const wrong = await tare.tare([...args, "--platform", "linux/riscv64"]);
      expect([args, wrong.status, wrong.stderr]).toEqual([
        args,
        1,
        expect.stringContaining(
          "was found but does not provide the specified platform (linux/riscv64): it is for linux/s390x",
        ),
      ]);
      await tare.must([...args, "--platform", "linux/s390x"]);
    }
    const ask = async (platform: string, others: Readonly<Record<string, string>> = {}): Promise<number> => {
      const query = new URLSearchParams({ platform, ...others }).toString();
      return (await askApi(tare.socket, "GET", `/images/both:1/json?${query}`)).status;
    };
    expect(await ask('{"os":"linux","architecture":"s390x"}')).toBe(200);
    expect(await ask('{"os":"linux","architecture":"arm","variant":"v7"}')).toBe(404);
    expect(await ask('{"os":5}')).toBe(400);
    for (const [platform, message] of [
      ["{", "failed to parse platform: "],
      ['{"os":"linux"}', "both OS and Architecture must be provided"],
      ['{"variant":"v7"}', "optional platform fields provided, but OS and Architecture are missing"],
      ["foo", '"foo": unknown operating system or architecture: invalid argument'],
    ] as const) {
      const { status, text } = await askApi(
        tare.socket,
        "GET",
        `/images/both:1/json?${new URLSearchParams({ platform }).toString()}`,
      );
      expect([platform, status, text]).toEqual([
        platform,
        400,
        expect.stringContaining(JSON.stringify(message).slice(1, -1)),
      ]);
    }
    expect(await ask("linux/s390x", { manifests: "1" })).toBe(400);
    // Versions that have no such parameter ignore it.
    for (const [path, first] of [
      ["/images/both:1/json", 1.49],
      ["/images/both:1/history", 1.48],
      ["/images/both:1/get", 1.48],
    ] as const) {
      const status = async (version: number): Promise<number> =>
        (await askApi(tare.socket, "GET", `/v${version.toFixed(2)}${path}?platform=linux/riscv64`)).status;
      expect([path, await status(first - 0.01), await status(first)]).toEqual([path, 200, 404]);
    }
  });

  test("images --tree shows the platform of each image, its sizes, and whether it is used", async () => {
    await tare.must(["load", "-i", archive]);
    await tare.must(["tag", "both:1", "tree:1"]);
    const id = await tare.must(["create", "--name", "user", "tree:1", "x"]);
    interface Row {
      readonly Id: string;
      readonly RepoTags: readonly string[];
      readonly Size: number;
      readonly Manifests?: readonly {
        readonly ID: string;
        readonly Available: boolean;
        readonly Kind: string;
        readonly Size: { readonly Content: number; readonly Total: number };
        readonly ImageData: { readonly Platform: object; readonly Containers: readonly string[] };
      }[];
    }
    const list = async (version: string): Promise<Row> => {
      const { text } = await askApi(tare.socket, "GET", `/v${version}/images/json?manifests=1`);
      return (JSON.parse(text) as Row[]).find(({ RepoTags }) => RepoTags.includes("tree:1")) as Row;
    };
    expect((await list("1.46")).Manifests).toBeUndefined();
    const { Manifests: [manifest] = [], ...row } = await list("1.47");
    expect(manifest).toMatchObject({
      Available: true,
      Kind: "image",
      ImageData: { Platform: { os: "linux", architecture: mine }, Containers: [id] },
    });
    expect(manifest?.Size.Content).toBeGreaterThan(0);
    expect(manifest?.Size.Total).toBe((manifest?.Size.Content ?? 0) + row.Size);
    const inspected = await askApi(tare.socket, "GET", "/v1.48/images/tree:1/json?manifests=1");
    expect((JSON.parse(inspected.text) as Row).Manifests).toEqual([manifest] as NonNullable<
      Row["Manifests"]
    >);
    const lines = (await tare.must(["images", "--tree", "tree"])).split("\n");
    expect(lines).toEqual([
      "IMAGE            ID             DISK USAGE   CONTENT SIZE   EXTRA",
      expect.stringMatching(new RegExp(`^tree:1           ${row.Id.slice(7, 19)} .* {3}U {4}$`)),
      expect.stringMatching(new RegExp(`^└─ linux/${mine}   ${manifest?.ID.slice(7, 19)} .* {3}U$`)),
    ]);
    // An image that such a machine can run fits, too.
    for (const [platform, status] of [
      [`linux/${mine}/v2`, mine === "amd64" ? 201 : 404],
      ["windows/amd64", 404],
    ] as const) {
      const path = `/containers/create?name=fit&platform=${encodeURIComponent(platform)}`;
      const created = await askApi(tare.socket, "POST", path, { Image: "tree:1", Cmd: ["x"] });
      expect([platform, created.status]).toEqual([platform, status]);
      if (status === 201) await tare.must(["rm", "fit"]);
    }
    for (const flag of ["--quiet", "--no-trunc", "--digests", "--format=json"]) {
      const name = flag.split("=")[0] ?? "";
      expect(await tare.refused(["image", "ls", "--tree", flag])).toContain(
        `${name} is not yet supported with --tree`,
      );
    }
    await tare.must(["rm", "user"]);
    await tare.must(["rmi", "tree:1"]);
    await tare.must(["load", "--platform", "linux/s390x", "-i", archive]);
  });

  test("pull -a brings all tags, push -a sends all tags; a tag beside it is refused", async () => {
    const name = `${registry.host}/many/tags`;
    for (const tag of ["a", "b", "c"]) await tare.must(["tag", "both:1", `${name}:${tag}`]);
    const pushed = await tare.must(["push", "-a", name]);
    expect(pushed.match(/^[abc]: digest: /gm)).toHaveLength(3);
    await using other = new Installation();
    await other.must(["pull", "-q", "-a", "--platform", "linux/s390x", name]);
    expect((await other.must(["images", "--format", "{{.Tag}}"])).split("\n").sort()).toEqual([
      "a",
      "b",
      "c",
    ]);
    // One that is no index is taken, with dockerd's warning.
    const warned = await other.must(["pull", "--platform", "linux/arm64", `${name}:a`]);
    expect(warned).toContain(
      `WARNING: image with reference ${name}:a was found but does not match the specified platform: wanted linux/arm64, actual: linux/s390x`,
    );
    expect(await other.must(["pull", "--platform", "linux/s390x", `${name}:a`])).not.toContain("WARNING");
    for (const verb of ["pull", "push"]) {
      const { status, stderr } = await tare.tare([verb, "-a", `${name}:a`]);
      expect([status, stderr]).toEqual([
        125,
        expect.stringContaining("tag can't be used with --all-tags/-a"),
      ]);
    }
    const none = await tare.tare(["pull", "-a", `${registry.host}/many/none`]);
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("pull access denied")]);
  });

  test("history tells the size of each layer, import makes an image for a platform", async () => {
    const rootfs = tarOf([["file", "x".repeat(5000)]]);
    await tare.must(["import", "--platform", "linux/arm/v6", "-", "made:1"], { input: rootfs });
    expect(await tare.must(["image", "inspect", "-f", "{{.Architecture}}{{.Variant}}", "made:1"])).toBe(
      "armv6",
    );
    expect(await tare.must(["history", "--human=false", "--format", "{{.Size}}", "made:1"])).toBe("5000");
    for (const [platform, message] of [
      ["foo", '"foo": unknown operating system or architecture: invalid argument'],
      ["darwin", "operating system is not supported"],
      ["windows/amd64", "operating system is not supported"],
      ["a/b/c/d", '"a/b/c/d": cannot parse platform specifier: invalid argument'],
    ] as const) {
      const refused = await tare.refused(["import", "--platform", platform, "-", "no:1"], { input: rootfs });
      expect([platform, refused]).toEqual([platform, expect.stringContaining(message)]);
    }
    for (const [change, message] of [
      ["STOPSIGNAL FOO", "invalid signal: FOO"],
      ["HEALTHCHECK --interval=1us CMD true", 'Interval "interval" cannot be less than 1ms'],
    ] as const) {
      const refused = await tare.refused(["import", "--change", change, "-", "no:1"], { input: rootfs });
      expect([change, refused]).toEqual([change, expect.stringContaining(message)]);
    }
    expect(await tare.must(["images", "-q", "no"])).toBe("");
    const change = "HEALTHCHECK --interval=5s CMD cat /file";
    await tare.must(["import", "--change", change, "-", "checked:1"], { input: rootfs });
    expect(
      JSON.parse(await tare.must(["image", "inspect", "-f", "{{json .Config.Healthcheck}}", "checked:1"])),
    ).toEqual({ Test: ["CMD-SHELL", "cat /file"], Interval: 5_000_000_000 });
  });
});

describe.skipIf(!isRoot)("lists of images", () => {
  test("filter by time, and tell what is shared when they are asked to", async () => {
    await using tare = new Installation();
    const [lower, upper] = [tarOf([["a", "x".repeat(3000)]]), tarOf([["b", "y"]])];
    const images = [
      { layers: [lower], names: ["base:1"] },
      { layers: [lower, upper], names: ["app:1"] },
    ];
    await tare.must(["load"], { input: tarOf(ociMembers(images)) });
    // They are of January 2024.
    const names = async (filter: string): Promise<string> =>
      tare.must(["images", "--format", "{{.Repository}}", "--filter", filter]);
    expect((await names("until=2024-02-01")).split("\n").sort()).toEqual(["app", "base"]);
    expect(await names("until=2023-02-01")).toBe("");
    const wrong = await tare.tare(["images", "--filter", "until=soon"]);
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringMatching(/soon/)]);
    const sizes = async (query: string): Promise<string[]> => {
      const { text } = await askApi(tare.socket, "GET", `/images/json${query}`);
      const rows = JSON.parse(text) as { RepoTags: string[]; SharedSize: number }[];
      return rows.map(({ RepoTags, SharedSize }) => `${RepoTags[0] ?? ""} ${SharedSize}`).sort();
    };
    expect(await sizes("")).toEqual(["app:1 -1", "base:1 -1"]);
    expect(await sizes("?shared-size=1")).toEqual(["app:1 3000", "base:1 3000"]);
  });
});

describe.skipIf(!isRoot)("what stands beside images", () => {
  let tare: Installation;
  let registry: TestRegistry;
  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const blob = (
    bytes: Uint8Array,
    mediaType: string,
  ): { mediaType: string; digest: string; size: number } => ({
    mediaType,
    digest: registry.addBlob("x/y", bytes),
    size: bytes.length,
  });
  const tar = tarOf([["file", "content"]]);
  const image = (layer: object): { mediaType: string; digest: string; size: number } => {
    const config = blob(configOf({ layers: [tar] }), mediaTypes.config);
    const bytes = encode({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [layer] });
    const digest = registry.addManifest("x/y", String(registry.manifests.size), {
      bytes,
      mediaType: mediaTypes.manifest,
    });
    return { mediaType: mediaTypes.manifest, digest, size: bytes.length };
  };

  test("attestations are skipped, wherever they stand in an index", async () => {
    const good = image(blob(tar, mediaTypes.layerTar));
    const attestation = {
      ...good,
      digest: registry.addManifest("x/y", "attested", {
        bytes: encode({ schemaVersion: 2, no: "manifest" }),
        mediaType: mediaTypes.manifest,
      }),
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": good.digest,
      },
      platform: { os: "unknown", architecture: "unknown" },
    };
    const platform = { os: "linux", architecture: hostPlatform().architecture };
    const manifests = [attestation, { ...good, platform }, attestation];
    registry.addManifest("x/y", "index", {
      bytes: encode({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }),
      mediaType: mediaTypes.index,
    });
    await tare.must(["pull", "-q", `${registry.host}/x/y:index`]);
    expect(registry.seen.some(({ url }) => url.includes(attestation.digest))).toBe(false);
    const reply = await askApi(tare.socket, "GET", `/distribution/${registry.host}/x/y:index/json`);
    expect(JSON.parse(reply.text)).toMatchObject({ Platforms: [platform] });
  });

  test("a layer of another type is refused with the reason, and nothing is fetched", async () => {
    const descriptor = image(blob(tar, "application/wasm"));
    registry.sentBlobBytes = 0;
    const { status, stderr } = await tare.tare(["pull", `${registry.host}/x/y@${descriptor.digest}`]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/cannot use layer sha256:[0-9a-f]{64}: it is of type "application\/wasm"/),
    ]);
    expect(registry.sentBlobBytes).toBe(0);
  });
});
