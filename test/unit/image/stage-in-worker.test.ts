import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openContentStore, type ContentStore } from "../../../src/image/content-store.ts";
import { stageBlob } from "../../../src/image/blobs/stage-blob.ts";
import { stageInWorker } from "../../../src/image/stage-in-worker.ts";
import { digestOf } from "../../../src/spec/digest.ts";

const mebibyte = 1024 * 1024;
const { signal } = new AbortController();
let root: string;
let store: ContentStore;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "tare-stage-"));
  store = await openContentStore(root);
});
afterAll(() => rmSync(root, { recursive: true }));

async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < count; at++) {
    yield new Uint8Array(mebibyte);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Nanoseconds of the processor that this thread has had. */
function ownTime(): number {
  const [time] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ");
  return Number(time);
}

async function ownTimeOf(work: () => Promise<unknown>): Promise<number> {
  const before = ownTime();
  await work();
  return ownTime() - before;
}

test("stageBeside() leaves hashing and writing to another thread", async () => {
  const count = 256;
  const blobs: unknown[] = [];
  const here = await ownTimeOf(async () => {
    const path = join(store.ingestDirectory, "here");
    blobs.push(await stageBlob({ path, inflates: false }, pieces(count), signal));
    rmSync(path);
  });
  const inWorker = await ownTimeOf(async () => {
    await using staged = await stageInWorker(pieces(count), { store, inflates: false, signal });
    blobs.push(staged.blob);
  });
  expect(blobs[0]).toEqual(blobs[1]);
  expect(inWorker).toBeLessThan(here / 2);
});

test("stageBeside() inflates, refuses what is too long, and leaves nothing of what fails", async () => {
  const plain = Buffer.alloc(8 * mebibyte, "a tar that repeats itself ");
  const random = crypto.getRandomValues(new Uint8Array(65536));
  const tar = Buffer.concat([plain, ...Array.from({ length: 40 }, () => random)]);
  const source = async function* (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 100_000) yield new Uint8Array(bytes.subarray(at, at + 100_000));
  };
  for (const [bytes, inflates] of [
    [gzipSync(tar), true],
    [tar, true],
    [tar, false],
    [Buffer.from("small"), true],
  ] as const) {
    await using staged = await stageInWorker(source(bytes), { store, inflates, signal });
    const wanted = bytes.length < 10 ? bytes : tar;
    expect(staged.blob).toEqual({ digest: digestOf(wanted), size: wanted.length });
  }
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield* source(tar);
    throw new Error("the caller went away");
  };
  await expect(stageInWorker(broken(), { store, inflates: false, signal })).rejects.toThrow(
    "the caller went away",
  );
  await expect(
    stageInWorker(source(tar), { store, inflates: false, maxBytes: 3 * mebibyte, signal }),
  ).rejects.toThrow(`it is longer than ${3 * mebibyte} bytes`);
  for (const end = Date.now() + 5_000; Date.now() < end && readdirSync(store.ingestDirectory).length > 0; )
    await Bun.sleep(10);
  expect(readdirSync(store.ingestDirectory)).toEqual([]);
});
