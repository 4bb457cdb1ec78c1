import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { openContentStore } from "../../src/image/content-store.ts";
import { loadArchive } from "../../src/image/load.ts";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { createFilesystem } from "../../src/linux/mount/mount.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { dockerArchiveMembers, tarOf } from "../support/images.ts";
import { MemorySink } from "../support/memory-sink.ts";
import { inChunks } from "../support/tar-builder.ts";

/** A disk of 1 MiB that is on no mount table. */
let disk: OwnedFd;
let root: string;
beforeEach(() => {
  disk = createFilesystem("tmpfs", [
    ["size", "1m"],
    ["mode", "0700"],
  ]);
  root = `/proc/self/fd/${disk.fd}`;
});
afterEach(() => disk[Symbol.dispose]());

const small = tarOf([["a", "1"]]);
const large = tarOf([["a", Buffer.alloc(2 << 20, 1)]]);

test("loadArchive() onto a full disk is exhausted, leaves nothing, and works again with room", async () => {
  const store = await openContentStore(root);
  const sink = new MemorySink();
  const load = async (layer: Uint8Array): Promise<void> => {
    const archive = tarOf(dockerArchiveMembers([{ layers: [small, layer] }]));
    for await (const _ of loadArchive(inChunks(archive), { store, sink }));
  };
  await expect(load(large)).rejects.toMatchObject({ kind: "exhausted" });
  expect(sink.images).toEqual([]);
  expect(await store.list()).toEqual([]);
  expect(readdirSync(`${root}/content/ingest`)).toEqual([]);
  await load(tarOf([["b", "2"]]));
  expect(sink.images).toHaveLength(1);
});

test("a layer that does not fit is exhausted and leaves room for the next", async () => {
  await using storage = await openStorage(root);
  const unpack = async (layer: Uint8Array): Promise<void> => {
    await using draft = await storage.beginLayer();
    await draft.apply(inChunks(layer));
  };
  await expect(unpack(large)).rejects.toMatchObject({ kind: "exhausted" });
  await storage.settle();
  expect(storage.listLayers()).toEqual([]);
  await unpack(small);
});

test("createSnapshot() without room is exhausted and leaves nothing", async () => {
  using tiny = createFilesystem("tmpfs", [["nr_inodes", "24"]]);
  await using storage = await openStorage(`/proc/self/fd/${tiny.fd}`);
  await storage.settle();
  const made: string[] = [];
  const fill = async (): Promise<void> => {
    for (let index = 0; index < 24; index++) {
      await storage.createSnapshot(`s${index}`, []);
      made.push(`s${index}`);
    }
  };
  await expect(fill()).rejects.toMatchObject({ kind: "exhausted" });
  await storage.settle();
  expect((await storage.listSnapshots()).toSorted()).toEqual(made.toSorted());
  for (const id of made) await storage.removeSnapshot(id);
  await storage.settle();
  await storage.createSnapshot("again", []);
});
