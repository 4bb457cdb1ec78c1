import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Progress } from "../../../src/base/progress.ts";
import { type ContentStore, openContentStore } from "../../../src/image/content-store.ts";
import { type LoadOptions, loadArchive } from "../../../src/image/load.ts";
import type { LayerTar } from "../../../src/image/loaded-image.ts";
import { openStoredLayer } from "../../../src/image/stored-layer.ts";
import { digestOf } from "../../../src/spec/digest.ts";
import { mediaTypes } from "../../../src/spec/image/manifest.ts";
import { formatReference } from "../../../src/spec/reference.ts";
import {
  configOf,
  type Contents,
  dockerArchiveMembers,
  ociMembers,
  tarOf,
  type TestImage,
} from "../../support/images.ts";
import { MemorySink } from "../../support/memory-sink.ts";
import { inChunks, TarBuilder } from "../../support/tar-builder.ts";

let root: string;
let store: ContentStore;
let sink: MemorySink;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "tare-load-"));
  store = await openContentStore(root);
  sink = new MemorySink();
});
afterEach(() => rm(root, { recursive: true, force: true }));

const lower = tarOf([
  ["a", "1"],
  ["b", "x".repeat(200_000)],
]);
const upper = tarOf([["c", "2"]]);
const image: TestImage = {
  layers: [lower, upper],
  names: ["busybox:latest", "a.b/c:1"],
  config: { Cmd: ["sh"] },
};
const imageId = digestOf(configOf(image));

async function load(archive: Uint8Array, options: Partial<LoadOptions> = {}): Promise<Progress[]> {
  const progress: Progress[] = [];
  for await (const step of loadArchive(inChunks(archive, 10_000), { store, sink, ...options }))
    progress.push(step);
  return progress;
}

/** Fails with this, and nothing has stayed: no image, no blob, no draft. */
async function expectRefused(
  archive: Uint8Array,
  expected: object,
  options: Partial<LoadOptions> = {},
): Promise<void> {
  await expect(load(archive, options)).rejects.toMatchObject(expected);
  expect(sink.images).toEqual([]);
  expect(await store.list()).toEqual([]);
  expect(await readdir(join(root, "content/ingest"))).toEqual([]);
}

const said = (text: string): unknown => expect.stringContaining(text);

describe("loadArchive()", () => {
  const formats: readonly (readonly [string, () => [string, Contents][]])[] = [
    ["docker-archive, old layout", () => dockerArchiveMembers([image])],
    ["docker-archive, new layout", () => dockerArchiveMembers([image], { layout: "new" })],
    [
      "docker-archive, new layout, gzip layers",
      () => dockerArchiveMembers([image], { layout: "new", compression: "gzip" }),
    ],
    ["OCI archive", () => ociMembers([image])],
    ["OCI archive, gzip layers", () => ociMembers([image], { compression: "gzip" })],
    ["OCI archive, zstd layers", () => ociMembers([image], { compression: "zstd" })],
  ];
  const wraps: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
    ["plain", (bytes) => bytes],
    ["gzip", (bytes) => gzipSync(bytes)],
    ["zstd", (bytes) => zstdCompressSync(bytes)],
  ];
  for (const [wrap, around] of wraps) {
    test.each(formats)(`loads %s in a tar that is ${wrap}`, async (_, members) => {
      const progress = await load(around(tarOf(members())));
      expect(sink.images).toHaveLength(1);
      const [loaded] = sink.images;
      expect(loaded?.id).toBe(imageId);
      expect(loaded?.config.defaults.cmd).toEqual(["sh"]);
      expect(loaded?.references.map(formatReference)).toEqual([
        "docker.io/library/busybox:latest",
        "a.b/c:1",
      ]);
      expect(loaded?.layers.map(({ diffId }) => diffId)).toEqual([digestOf(lower), digestOf(upper)]);
      expect(sink.layers.get(digestOf(lower))?.equals(lower)).toBe(true);
      expect(sink.layers.get(digestOf(upper))?.equals(upper)).toBe(true);
      for (const { digest, size } of loaded?.layers ?? [])
        expect(await store.find(digest)).toEqual({ digest, size });
      expect(Buffer.from(await store.read(imageId)).equals(Buffer.from(configOf(image)))).toBe(true);
      expect(await store.find(loaded?.manifest.digest ?? imageId)).toBeDefined();
      expect(loaded?.manifest.content.config.digest).toBe(imageId);
      expect(await readdir(join(root, "content/ingest"))).toEqual([]);
      expect(progress.filter(({ kind }) => kind === "image")).toEqual([
        { kind: "image", id: imageId, reference: "busybox:latest" },
        { kind: "image", id: imageId, reference: "a.b/c:1" },
      ]);
      expect(progress).toContainEqual({ kind: "layer", id: digestOf(lower).slice(7, 19), phase: "done" });
    });
  }

  test("keeps the OCI manifest that stands beside manifest.json when it has the same parts", async () => {
    const oci = tarOf(ociMembers([image], { compression: "gzip" }));
    const both = tarOf(dockerArchiveMembers([image], { layout: "new", compression: "gzip" }));
    await load(oci);
    await load(both);
    expect(new Set(sink.images.map(({ manifest }) => manifest.digest)).size).toBe(1);
    const other = dockerArchiveMembers([image], { layout: "new", compression: "gzip" }).map(
      ([path, contents]): [string, Contents] => [path, path === "index.json" ? "{}" : contents],
    );
    await load(tarOf(other));
    expect(sink.images[2]?.id).toBe(imageId);
  });

  test("takes layers that nobody may hand on where the archive has them", async () => {
    const type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    const members = ociMembers([image], { compression: "gzip", layerType: type });
    await load(tarOf(members));
    expect(sink.images[0]?.layers.map(({ mediaType }) => mediaType)).toEqual([type, type]);
    const layer = members.find(
      ([path]) =>
        path.startsWith("blobs/") && path.endsWith(sink.images[0]?.layers[0]?.digest.slice(7) ?? "?"),
    );
    sink = new MemorySink();
    await expect(load(tarOf(members.filter((each) => each !== layer)))).rejects.toMatchObject({
      kind: "unsupported",
      message: expect.stringContaining(
        `its layer is of type "${type}", and is not in the archive: it must be fetched from elsewhere`,
      ),
    });
  });

  test("takes members in any order, from chunks of any size", async () => {
    const archive = tarOf(ociMembers([image], { compression: "gzip" }).reverse());
    for (const size of [1009, archive.length]) {
      sink = new MemorySink();
      for await (const _ of loadArchive(inChunks(archive, size), { store, sink }));
      expect(sink.images[0]?.id).toBe(imageId);
    }
  });

  test("loads several images, each layer once, two at a time", async () => {
    const layers = Array.from({ length: 6 }, (_, index) => tarOf([[`f${index}`, "x"]]));
    const images = [1, 3, 6].map((count) => ({ layers: layers.slice(0, count), names: [`n:${count}`] }));
    await load(tarOf(dockerArchiveMembers(images)));
    expect(sink.images.map(({ layers: { length } }) => length)).toEqual([1, 3, 6]);
    expect(sink.asked.toSorted()).toEqual(layers.map((layer) => digestOf(layer)).toSorted());
    expect(sink.busiest).toBe(2);
  });

  test("does not ask for layers that are there, but checks them", async () => {
    await load(tarOf(dockerArchiveMembers([image])));
    sink.asked.length = 0;
    const progress = await load(tarOf(ociMembers([image], { compression: "gzip" })));
    expect(sink.asked).toEqual([]);
    expect(progress).toContainEqual({ kind: "layer", id: digestOf(lower).slice(7, 19), phase: "exists" });
    const liar = { ...image, layers: [upper, lower], diffIds: [digestOf(lower), digestOf(upper)] };
    await expect(load(tarOf(ociMembers([liar], { compression: "gzip" })))).rejects.toMatchObject({
      kind: "corrupt",
    });
  });

  test("openStoredLayer() gives each layer again, and notices a changed blob", async () => {
    await load(tarOf(ociMembers([image], { compression: "gzip" })));
    const [layer] = sink.images[0]?.layers ?? [];
    if (layer === undefined) throw new Error("no layer");
    const again: Uint8Array[] = [];
    for await (const chunk of openStoredLayer(store, layer)) again.push(chunk);
    expect(Buffer.concat(again).equals(lower)).toBe(true);
    await writeFile(join(root, "content/blobs/sha256", layer.digest.slice(7)), gzipSync(upper));
    const reading = (async () => {
      for await (const _ of openStoredLayer(store, layer));
    })();
    await expect(reading).rejects.toMatchObject({ kind: "corrupt" });
  });

  test("loads an image of no layers and one without a name", async () => {
    const progress = await load(tarOf(dockerArchiveMembers([{ layers: [] }])));
    expect(sink.images[0]?.layers).toEqual([]);
    expect(progress).toEqual([{ kind: "image", id: digestOf(configOf({ layers: [] })) }]);
  });

  test("takes the image for the platform asked for out of an index", async () => {
    const images = ["arm64", "amd64", "s390x"].map((architecture) => ({ ...image, architecture }));
    const archive = tarOf(ociMembers(images, { perPlatform: true }));
    for (const architecture of ["amd64", "arm64"]) {
      await load(archive, { platform: { os: "linux", architecture } });
      expect(sink.images.at(-1)?.config.platform).toEqual({ os: "linux", architecture });
      expect(sink.images.at(-1)?.references).toHaveLength(2);
    }
    sink = new MemorySink();
    await expect(load(archive, { platform: { os: "linux", architecture: "riscv64" } })).rejects.toMatchObject(
      {
        kind: "not-found",
        message:
          "cannot load the archive: it has no image for linux/riscv64 (there is: linux/arm64, linux/amd64, linux/s390x)",
      },
    );
  });

  test("follows links to layers inside the archive", async () => {
    const layer = `${digestOf(lower).slice(7)}/layer.tar`;
    const members = dockerArchiveMembers([{ layers: [lower] }]).map(([path, contents]): [string, Contents] =>
      path === "manifest.json"
        ? [path, (contents as string).replace(layer, "other/layer.tar")]
        : [path, contents],
    );
    await load(tarOf([["other/layer.tar", { link: `../${layer}` }], ...members]));
    expect(sink.images).toHaveLength(1);
    const outside = members.filter(([path]) => path !== layer);
    sink = new MemorySink();
    await expect(
      load(tarOf([["other/layer.tar", { link: "../../../../etc/passwd" }], ...outside])),
    ).rejects.toMatchObject({
      kind: "corrupt",
      message: said('"other/layer.tar" is not in it'),
    });
  });

  test("stops when the signal aborts, when nobody listens any more, and when the source breaks", async () => {
    const archive = tarOf(dockerArchiveMembers([image]));
    await expectRefused(archive, { message: "enough" }, { signal: AbortSignal.abort(new Error("enough")) });
    for await (const _ of loadArchive(inChunks(archive), { store, sink })) break;
    expect(await readdir(join(root, "content/ingest"))).toEqual([]);
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield archive.subarray(0, 100_000);
      await new Promise(() => undefined);
    }
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("tired of waiting")), 20);
    const waiting = (async () => {
      for await (const _ of loadArchive(silent(), { store, sink, signal: stop.signal }));
    })();
    await expect(waiting).rejects.toThrow("tired of waiting");
    expect(await readdir(join(root, "content/ingest"))).toEqual([]);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield archive.subarray(0, 100_000);
      throw new Error("the line was cut");
    }
    sink = new MemorySink();
    const reading = (async () => {
      for await (const _ of loadArchive(broken(), { store, sink }));
    })();
    await expect(reading).rejects.toThrow("the line was cut");
    expect(await readdir(join(root, "content/ingest"))).toEqual([]);
  });

  test("leaves no image and no blob when the sink fails on one layer", async () => {
    class FullSink extends MemorySink {
      override async ensureLayer(): Promise<void> {
        throw new Error("the disk is full");
      }
    }
    sink = new FullSink();
    await expectRefused(tarOf(dockerArchiveMembers([image])), { message: "the disk is full" });
  });

  test("notices a sink that does not read to the end", async () => {
    class HastySink extends MemorySink {
      override async ensureLayer(_: unknown, tar: LayerTar): Promise<void> {
        for await (const _chunk of tar.open()) break;
      }
    }
    sink = new HastySink();
    await expectRefused(tarOf(ociMembers([image], { compression: "gzip" })), {
      message: said("not read to its end"),
    });
  });
});

describe("loadArchive() refuses", () => {
  const wrongDiffId = { ...image, diffIds: [digestOf(upper), digestOf(lower)] };
  const change = (members: [string, Contents][], path: RegExp, contents: Contents): [string, Contents][] =>
    members.map(([name, before]) => [name, path.test(name) ? contents : before]);
  const without = (members: [string, Contents][], path: RegExp): [string, Contents][] =>
    members.filter(([name]) => !path.test(name));
  const oci = ociMembers([image], { compression: "gzip" });
  const layerBlob = new RegExp(digestOf(gzipSync(lower, { level: 1 })).slice(7));
  const manifestJson = (value: unknown): Uint8Array => tarOf([["manifest.json", JSON.stringify(value)]]);
  const index = (manifests: unknown): [string, Contents] => [
    "index.json",
    JSON.stringify({ schemaVersion: 2, manifests }),
  ];

  const rows: readonly (readonly [string, () => Uint8Array, object])[] = [
    ["what is no tar", () => Buffer.alloc(5000, "no tar "), { kind: "corrupt" }],
    ["nothing", () => new Uint8Array(0), { kind: "invalid", message: said("it is empty") }],
    ["an empty tar", () => tarOf([]), { kind: "invalid", message: said("it is empty") }],
    [
      "a root file system",
      () => lower,
      { kind: "invalid", message: said("neither manifest.json nor oci-layout") },
    ],
    ["an archive from before Docker 1.10", () => tarOf([["repositories", "{}"]]), { kind: "unsupported" }],
    ["an archive cut off", () => tarOf(oci).subarray(0, 3000), { kind: "corrupt" }],
    ["gzip cut off", () => gzipSync(tarOf(oci)).subarray(0, -20), { kind: "corrupt" }],
    ["no image at all", () => manifestJson([]), { kind: "invalid", message: said("no image in it") }],
    ["a config outside of it", () => manifestJson([{ Config: "../../etc/passwd" }]), { kind: "invalid" }],
    [
      "a config that is missing",
      () => manifestJson([{ Config: "x" }]),
      { kind: "corrupt", message: said('"x" is not in it') },
    ],
    ["manifest.json that is no JSON", () => tarOf([["manifest.json", "{"]]), { kind: "invalid" }],
    ["manifest.json of 5 MB", () => tarOf([["manifest.json", " ".repeat(5e6)]]), { kind: "invalid" }],
    [
      "a wrong diffID, plain",
      () => tarOf(dockerArchiveMembers([wrongDiffId])),
      { kind: "corrupt", message: said("cannot unpack layer") },
    ],
    [
      "a wrong diffID, gzip",
      () => tarOf(ociMembers([wrongDiffId], { compression: "gzip" })),
      { kind: "corrupt" },
    ],
    [
      "fewer layers than diffIDs",
      () => tarOf(dockerArchiveMembers([{ ...image, diffIds: [digestOf(lower)] }])),
      { kind: "invalid", message: said("2 layers, its config names 1") },
    ],
    [
      "a blob with other content",
      () => tarOf(change(oci, layerBlob, "other")),
      { kind: "corrupt", message: said("its content has digest") },
    ],
    [
      "a blob that is missing",
      () => tarOf(without(oci, layerBlob)),
      { kind: "corrupt", message: said("is not in it") },
    ],
    [
      "no index.json",
      () => tarOf(without(oci, /index/)),
      { kind: "corrupt", message: said('"index.json" is not in it') },
    ],
    [
      "another layout version",
      () => tarOf(change(oci, /oci-layout/, '{"imageLayoutVersion":"9.0.0"}')),
      { kind: "unsupported" },
    ],
    [
      "a path that leaves",
      () => new TarBuilder().file("../x", "1").end(),
      { kind: "invalid", message: said("outside of it") },
    ],
    ["an absolute path", () => new TarBuilder().file("/x", "1").end(), { kind: "invalid" }],
    ["a link to itself", () => tarOf([["manifest.json", { link: "manifest.json" }]]), { kind: "invalid" }],
    [
      "a blob whose size is a lie",
      () => {
        const config = configOf({ layers: [] });
        const bytes = JSON.stringify({
          schemaVersion: 2,
          config: { mediaType: mediaTypes.config, digest: digestOf(config), size: 1 },
          layers: [],
        });
        return tarOf([
          ["oci-layout", '{"imageLayoutVersion":"1.0.0"}'],
          [`blobs/sha256/${digestOf(config).slice(7)}`, config],
          [`blobs/sha256/${digestOf(bytes).slice(7)}`, bytes],
          index([{ mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length }]),
        ]);
      },
      { kind: "corrupt", message: said("instead of 1") },
    ],
    [
      "an artifact that lacks a blob",
      () => {
        const bytes = JSON.stringify({
          schemaVersion: 2,
          config: { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf("{}"), size: 2 },
          layers: [],
        });
        return tarOf([
          ["oci-layout", '{"imageLayoutVersion":"1.0.0"}'],
          [`blobs/sha256/${digestOf(bytes).slice(7)}`, bytes],
          index([{ mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length }]),
        ]);
      },
      { kind: "corrupt", message: said("is not in it") },
    ],
    [
      "indexes that nest too deep",
      () => {
        const members: [string, Contents][] = [["oci-layout", '{"imageLayoutVersion":"1.0.0"}']];
        let entry = { mediaType: mediaTypes.manifest as string, digest: digestOf("x"), size: 1 };
        for (let depth = 0; depth < 8; depth++) {
          const bytes = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [entry] });
          members.push([`blobs/sha256/${digestOf(bytes).slice(7)}`, bytes]);
          entry = { mediaType: mediaTypes.index, digest: digestOf(bytes), size: bytes.length };
        }
        return tarOf([...members, index([entry])]);
      },
      { kind: "invalid", message: said("nest deeper than 4") },
    ],
    [
      "a sparse member",
      () =>
        new TarBuilder()
          .pax({
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.size": "1099511627776",
            "GNU.sparse.map": "0,1",
            "GNU.sparse.numblocks": "1",
          })
          .file("x", "1")
          .end(),
      { kind: "invalid", message: said("sparse") },
    ],
  ];
  test.each(rows)("%s", async (_, archive, expected) => {
    await expectRefused(archive(), expected);
  });

  test("too many members and too many bytes", async () => {
    const archive = tarOf(dockerArchiveMembers([image]));
    await expectRefused(
      archive,
      { kind: "invalid", message: said("more than 2 members") },
      { limits: { members: 2 } },
    );
    await expectRefused(
      archive,
      { kind: "invalid", message: said("more than 1000 bytes") },
      { limits: { bytes: 1000 } },
    );
    const bomb = zstdCompressSync(tarOf([["x", Buffer.alloc(1 << 24)]]));
    await expectRefused(
      bomb,
      { kind: "invalid", message: said("more than 1000000 bytes") },
      { limits: { bytes: 1e6 } },
    );
  });
});
