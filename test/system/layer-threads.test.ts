import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { sleep } from "../../src/base/deadline.ts";
import { kindOf } from "../../src/base/failure.ts";
import { findThread } from "../../src/image/threads/job-threads.ts";
import { LayerContent, type LayerSource } from "../../src/image/unpacking/layer-content.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { digestOf } from "../../src/spec/digest.ts";
import { tarOf } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Scratch } from "../support/scratch.ts";
import { isRoot } from "../support/tare.ts";
import { describeTree, unpackAt } from "../support/unpack.ts";

const noise = (bytes: number): Buffer =>
  Buffer.concat(Array.from({ length: bytes / 65_536 }, () => crypto.getRandomValues(new Uint8Array(65_536))));
/** Too large to be done without a thread, however it is compressed. */
const tar = tarOf([
  ["etc/one", "1"],
  ["large", noise(1 << 22)],
  ["etc/two", "2"],
]);
const never = new AbortController().signal;

async function* inPieces(bytes: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield new Uint8Array(bytes.subarray(at, at + size));
}

describe.skipIf(!isRoot)("LayerContent in a thread", () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = new Scratch("threads");
  });
  afterEach(() => scratch[Symbol.dispose]());

  const sourceOf = (bytes: Uint8Array, more: Partial<LayerSource> = {}): LayerSource => ({
    diffId: digestOf(tar),
    blob: { digest: digestOf(bytes), size: bytes.length },
    isProven: false,
    open: () => inPieces(bytes),
    ...more,
  });

  async function unpackInto(name: string, content: LayerContent): Promise<string> {
    mkdirSync(scratch.join(name));
    using into = openDirectoryPath(scratch.join(name));
    await content.unpack(into.fd);
    return scratch.join(name);
  }

  test.each([
    ["plain", tar],
    ["gzip", gzipSync(tar)],
    ["zstd", zstdCompressSync(tar)],
  ])(
    "unpack() makes of a %s blob what unpackLayer() makes, and writes it to its file",
    async (name, bytes) => {
      const file = openSync(scratch.join("blob"), "w");
      const content = new LayerContent(sourceOf(bytes, { store: { fd: file, from: 0 } }), { signal: never });
      const made = await unpackInto(name, content);
      closeSync(file);
      await unpackAt(scratch.join("expected"), tar);
      // Directories that the archive leaves out have the time at which they were made.
      const times = { times: false };
      expect(describeTree(made, times)).toEqual(describeTree(scratch.join("expected"), times));
      expect(content.blob).toBe(digestOf(bytes));
      expect(readFileSync(scratch.join("blob")).equals(bytes)).toBe(true);
    },
  );

  test("unpack() leaves a buffer alone that others look into", async () => {
    const bytes = Buffer.from(tar);
    async function* views(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    }
    await unpackInto("views", new LayerContent(sourceOf(bytes, { open: views }), { signal: never }));
    expect(digestOf(bytes)).toBe(digestOf(tar));
  });

  test("unpack() writes only what the file has not, and hashes all", async () => {
    const bytes = gzipSync(tar);
    const file = openSync(scratch.join("blob"), "w");
    const store = { fd: file, from: 300_000 };
    const content = new LayerContent(sourceOf(bytes, { store }), { signal: never });
    await content.prove();
    closeSync(file);
    const written = readFileSync(scratch.join("blob"));
    expect(content.blob).toBe(digestOf(bytes));
    expect(written.subarray(0, 300_000).equals(new Uint8Array(300_000))).toBe(true);
    expect(written.subarray(300_000).equals(bytes.subarray(300_000))).toBe(true);
  });

  test("unpack() fails as it would without a thread, and the thread goes on with the next", async () => {
    const bytes = gzipSync(tar);
    for (let times = 0; times < 3; times++) {
      const wrong = new LayerContent(sourceOf(bytes, { diffId: digestOf("other") }), { signal: never });
      await expect(unpackInto(`wrong-${times}`, wrong)).rejects.toMatchObject({ kind: "corrupt" });
      expect(wrong.hasSourceFailed).toBe(false);
      const cut = new LayerContent(sourceOf(bytes.subarray(0, -20)), { signal: never });
      await expect(unpackInto(`cut-${times}`, cut)).rejects.toMatchObject({ kind: "corrupt" });
    }
    const hostile = tarOf([
      ["../out", "x"],
      ["large", noise(1 << 20)],
    ]);
    const source = sourceOf(hostile, { diffId: digestOf(hostile) });
    const content = new LayerContent(source, { signal: never });
    await expect(unpackInto("hostile", content)).rejects.toMatchObject({ kind: "invalid" });
    expect(readdirSync(scratch.join("."))).not.toContain("out");
    await unpackInto("right", new LayerContent(sourceOf(bytes), { signal: never }));
  });

  test("unpack() and open() read a file by themselves, tell how far they are, and throw what is wrong with it", async () => {
    const bytes = gzipSync(tar);
    const path = scratch.join("blob");
    writeFileSync(path, bytes);
    const unused = (): AsyncIterable<Uint8Array> => {
      throw new Error("it was asked for its bytes");
    };
    let read = 0;
    const onBytes = (count: number): void => void (read += count);
    const source = sourceOf(bytes, { path, open: unused });
    const made = await unpackInto("by-path", new LayerContent(source, { signal: never, onBytes }));
    await unpackAt(scratch.join("expected"), tar);
    const times = { times: false };
    expect(describeTree(made, times)).toEqual(describeTree(scratch.join("expected"), times));
    expect(read).toBe(bytes.length);
    const content = new LayerContent(source, { signal: never });
    const pieces: Uint8Array[] = [];
    for await (const piece of content.open()) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(tar)).toBe(true);
    expect([content.isProven, content.blob]).toEqual([true, digestOf(bytes)]);
    writeFileSync(path, bytes.subarray(0, -9));
    const cut = new LayerContent(source, { signal: never });
    const readAll = async (): Promise<unknown> => {
      for await (const _ of cut.open());
      return undefined;
    };
    expect(await readAll().catch(kindOf)).toBe("corrupt");
    expect(cut.isProven).toBe(false);
  });

  test("open() is left early, again and again, and gives its thread back", async () => {
    const bytes = gzipSync(tar);
    for (let times = 0; times < 12; times++) {
      const content = new LayerContent(sourceOf(bytes), { signal: never });
      for await (const _ of content.open()) break;
      expect(content.isProven).toBe(false);
    }
    await unpackInto("after-all", new LayerContent(sourceOf(bytes), { signal: never }));
  });

  test("findThread() gives nothing where all are busy, and something again when one is given back", () => {
    using held = new DisposableStack();
    let last = findThread();
    for (let count = 0; last !== undefined && count < 100; count++) {
      held.use(last);
      last = findThread();
    }
    expect(last).toBeUndefined();
    held.dispose();
    using free = findThread();
    expect(free).toBeDefined();
  });

  test("unpack() throws what its source throws", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* inPieces(tar.subarray(0, 500_000));
      throw new Error("the line was cut");
    }
    const content = new LayerContent(sourceOf(tar, { open: broken }), { signal: never });
    await expect(unpackInto("broken", content)).rejects.toThrow("the line was cut");
    expect(content.hasSourceFailed).toBe(true);
  });

  test("unpack() is stopped at once while its source keeps it waiting, and what came is in the file", async () => {
    const stop = new AbortController();
    let given = 0;
    async function* stalling(): AsyncGenerator<Uint8Array> {
      for await (const piece of inPieces(tar.subarray(0, 1_500_000))) {
        given += piece.length;
        yield piece;
      }
      await sleep(60_000, { signal: stop.signal }).catch(() => undefined);
    }
    const file = openSync(scratch.join("blob"), "w");
    const source = sourceOf(tar, { open: stalling, store: { fd: file, from: 0 } });
    const unpacking = unpackInto("stalled", new LayerContent(source, { signal: stop.signal }));
    unpacking.catch(() => undefined);
    await poll(() => (given === 1_500_000 ? true : undefined), {
      everyMs: 5,
      timeoutMs: 20_000,
      what: "see it stall",
    });
    await sleep(100); // pieces that come quickly travel together
    stop.abort(new Error("enough"));
    await expect(unpacking).rejects.toThrow("enough");
    closeSync(file);
    expect(statSync(scratch.join("blob")).size).toBe(1_500_000);
    rmSync(scratch.join("stalled"), { recursive: true }); // nobody is writing there any more
    await sleep(50);
    expect(readdirSync(scratch.join("."))).toEqual(["blob"]);
  });

  test("many at once wait for a thread, one that is stopped while it waits as well", async () => {
    const bytes = gzipSync(tar);
    const stop = new AbortController();
    const all = Array.from({ length: 12 }, (_, at) => {
      const signal = at === 11 ? stop.signal : never;
      return unpackInto(`at-once-${at}`, new LayerContent(sourceOf(bytes), { signal }));
    });
    all.at(-1)?.catch(() => undefined);
    stop.abort(new Error("not any more"));
    const results = await Promise.allSettled(all);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(11);
    expect(results.at(-1)).toMatchObject({ reason: { message: "not any more" } });
  });

  test("threads end when there is nothing to do, and begin again", async () => {
    const bytes = gzipSync(tar);
    const count = (): number => readdirSync("/proc/self/task").length;
    await unpackInto("before", new LayerContent(sourceOf(bytes), { signal: never }));
    const busy = count();
    await poll(() => (count() < busy ? true : undefined), {
      everyMs: 50,
      timeoutMs: 30_000,
      what: "see a thread end",
    });
    await unpackInto("after", new LayerContent(sourceOf(bytes), { signal: never }));
  });
});
