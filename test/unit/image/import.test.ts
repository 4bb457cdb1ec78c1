import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type ContentStore, openContentStore } from "../../../src/image/content-store.ts";
import { type ImportOptions, importRootfs } from "../../../src/image/import.ts";
import { digestOf } from "../../../src/spec/digest.ts";
import { parseReference } from "../../../src/spec/reference.ts";
import { tarOf } from "../../support/images.ts";
import { MemorySink } from "../../support/memory-sink.ts";
import { inChunks } from "../../support/tar-builder.ts";

let root: string;
let store: ContentStore;
let sink: MemorySink;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "tare-import-"));
  store = await openContentStore(root);
  sink = new MemorySink();
});
afterEach(() => rm(root, { recursive: true, force: true }));

const rootfs = tarOf([
  ["bin/", ""],
  ["bin/sh", "x".repeat(100_000)],
]);

async function run(archive: Uint8Array, options: Partial<ImportOptions> = {}): Promise<unknown[]> {
  const progress: unknown[] = [];
  for await (const step of importRootfs(inChunks(archive, 5000), { store, sink, ...options }))
    progress.push(step);
  return progress;
}

test.each([
  ["plain", rootfs],
  ["gzip", gzipSync(rootfs)],
  ["zstd", zstdCompressSync(rootfs)],
])("importRootfs() makes an image of one layer of a tar that is %s", async (_, archive) => {
  const options = {
    changes: ['CMD ["sh"]', "ENV A=b"],
    message: "from a test",
    reference: parseReference("mine:1"),
    createdMs: Date.UTC(2024, 0, 1),
    platform: { os: "linux", architecture: "arm64" },
  };
  const progress = await run(archive, options);
  const [image] = sink.images;
  expect(image?.config).toEqual({
    platform: { os: "linux", architecture: "arm64" },
    created: "2024-01-01T00:00:00.000Z",
    comment: "from a test",
    defaults: expect.objectContaining({ cmd: ["sh"], env: ["A=b"] }),
    diffIds: [digestOf(rootfs)],
    history: [
      {
        created: "2024-01-01T00:00:00.000Z",
        comment: "from a test",
        emptyLayer: false,
      },
    ],
  });
  expect(sink.layers.get(digestOf(rootfs))?.equals(rootfs)).toBe(true);
  expect(await store.find(digestOf(rootfs))).toBeDefined();
  expect(digestOf(await store.read(image?.id ?? digestOf("")))).toBe(image?.id ?? digestOf(""));
  expect(progress.at(-1)).toEqual({ kind: "image", id: image?.id, reference: "mine:1" });
  // The same input and time give the same image.
  await run(archive, options);
  expect(sink.images[1]?.id).toBe(image?.id as NonNullable<typeof image>["id"]);
});

test("importRootfs() refuses a wrong change before it reads, and leaves nothing of a broken or endless archive", async () => {
  expect(() => importRootfs(inChunks(rootfs), { store, sink, changes: ["RUN x"] })).toThrow(
    "RUN is not a valid change command",
  );
  await expect(run(gzipSync(rootfs).subarray(0, -10))).rejects.toMatchObject({ kind: "corrupt" });
  await expect(run(zstdCompressSync(rootfs).subarray(0, -10))).rejects.toMatchObject({ kind: "corrupt" });
  await expect(run(rootfs, { maxBytes: 1000 })).rejects.toMatchObject({ kind: "invalid" });
  expect(sink.images).toEqual([]);
  expect(await store.list()).toEqual([]);
  expect(await readdir(join(root, "content/ingest"))).toEqual([]);
});
