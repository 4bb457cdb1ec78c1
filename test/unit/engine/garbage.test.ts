import { writeSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Garbage } from "../../../src/engine/images/garbage.ts";
import type { ImageRecord } from "../../../src/engine/state/records.ts";
import { openState, type State } from "../../../src/engine/state/state.ts";
import { type ContentStore, openContentStore } from "../../../src/image/content-store.ts";
import { type Digest, digestOf } from "../../../src/spec/digest.ts";
import { type GarbageRules, parseGarbageRules } from "../../../src/spec/garbage-rules.ts";
import type { StorageDriver } from "../../../src/storage/driver.ts";

const layer = digestOf("a layer");
let dataRoot: string;
let state: State;
let content: ContentStore;
let layers: Set<Digest>;
const storage = {
  listLayers: () => [...layers],
  removeLayer: async (digest: Digest) => void layers.delete(digest),
  settle: async () => {},
  awaitSpace: async () => {},
} as unknown as StorageDriver;

beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "tare-garbage-"));
  state = openState(dataRoot);
  content = await openContentStore(dataRoot);
  layers = new Set([layer]);
});
afterEach(() => {
  state[Symbol.dispose]();
  rmSync(dataRoot, { recursive: true, force: true });
});

function garbageWith(rules: Partial<GarbageRules> = {}, driver: StorageDriver = storage): Garbage {
  const garbage = { graceMs: 3_600_000, highPercent: 100, lowPercent: 100, ...rules };
  return new Garbage(state, { dataRoot, storage: driver, content, settings: { garbage } });
}

describe("Garbage", () => {
  test("removes at once what nobody asked to keep, and after its time what was", async () => {
    using garbage = garbageWith({ graceMs: 1_000 });
    const { digest } = await content.ingest([Buffer.from("a blob")]);
    await garbage.keepForNow();
    const removed = await content.ingest([Buffer.from("removed")]);
    await garbage.collect();
    expect([...layers]).toEqual([layer]);
    expect((await content.list()).map((blob) => blob.digest)).toEqual([digest]);
    expect(await garbage.listOverdue()).toEqual({ layers: [], blobs: [] });
    expect(await content.find(removed.digest)).toBeUndefined();
    const until = Date.now() + 10_000;
    while (layers.size > 0 && Date.now() < until) await Bun.sleep(10);
    expect([[...layers], await content.list()]).toEqual([[], []]);
  });

  test("does not list as overdue what is being removed", async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const begun = Promise.withResolvers<void>();
    const slow: Pick<StorageDriver, "removeLayer"> = {
      removeLayer: async (digest) => {
        begun.resolve();
        await gate;
        await storage.removeLayer(digest);
      },
    };
    using garbage = garbageWith({}, Object.assign(Object.create(storage) as StorageDriver, slow));
    garbage.announce();
    expect(await garbage.listOverdue()).toEqual({ layers: [], blobs: [] });
    const collecting = garbage.collect();
    await begun.promise;
    const overdue = garbage.listOverdue();
    // A list that did not wait for the removal would be complete by now.
    expect((await garbage.list()).layers).toEqual([layer]);
    release();
    expect(await overdue).toEqual({ layers: [], blobs: [] });
    await collecting;
    layers.add(layer);
    expect(await garbage.listOverdue()).toEqual({ layers: [layer], blobs: [] });
  });

  test("waits for those who use the store, and takes what waits when it is asked for all", async () => {
    using garbage = garbageWith();
    await garbage.keepForNow();
    const user = await garbage.use();
    await garbage.collect({ all: true });
    expect(layers.size).toBe(1);
    user[Symbol.dispose]();
    await garbage.settle();
    expect(layers.size).toBe(0);
  });

  test("what is removed while it looks at what a crash left is nothing that a crash left", async () => {
    const { digest } = await content.ingest([Buffer.from("an image's")]);
    const image = { id: digest, blobs: [digest], config: { diffIds: [layer] } };
    state.putImages([image as unknown as ImageRecord], []);
    using garbage = garbageWith();
    const keeping = garbage.keepForNow();
    state.removeImages({ references: [], images: [digest] });
    await keeping;
    await garbage.collect();
    expect([[...layers], await content.list()]).toEqual([[], []]);
  });

  test("keeps nothing over a second restart, and what the next pull took is no longer waiting", async () => {
    using first = garbageWith();
    await first.keepForNow();
    await first.collect();
    expect(layers.size).toBe(1);
    using second = garbageWith();
    await second.keepForNow();
    await second.collect();
    expect(layers.size).toBe(0);
  });

  test("keeps nothing while the disk is too full, the oldest first, parts of downloads last", async () => {
    await using draft = await content.resume({ digest: digestOf("partial"), size: 100 });
    writeSync(draft.fd, "par");
    await draft[Symbol.asyncDispose]();
    using garbage = garbageWith({ highPercent: 0, lowPercent: 0 });
    await garbage.keepForNow();
    await garbage.relieve();
    expect([layers.size, await content.listPartial()]).toEqual([0, []]);
    layers.add(layer);
    using roomy = garbageWith({ highPercent: 0, lowPercent: 99 });
    await roomy.keepForNow();
    await content.ingest([Buffer.from("another")]);
    await roomy.collect();
    // One of them was enough.
    expect([layers.size, await content.list()]).toEqual([0, []]);
  });
});

describe("parseGarbageRules()", () => {
  test("takes each alone, and keeps the others", () => {
    expect(parseGarbageRules("grace=30m")).toEqual({ graceMs: 1_800_000, highPercent: 85, lowPercent: 80 });
    expect(parseGarbageRules("high=95%,low=90,grace=0")).toEqual({
      graceMs: 0,
      highPercent: 95,
      lowPercent: 90,
    });
  });
  test.each([
    ["grace=soon", '"soon" is no duration'],
    ["high=101", '"101" is no part of 100%'],
    ["low=90", "low is above high"],
    ["size=3", 'there is no "size"'],
    ["", 'there is no ""'],
  ])("refuses %p", (text, detail) => {
    expect(() => parseGarbageRules(text)).toThrow(`invalid --gc "${text}": ${detail}`);
  });
});
