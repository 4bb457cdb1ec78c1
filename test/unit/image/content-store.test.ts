import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ContentStore, openContentStore } from "../../../src/image/content-store.ts";
import { digestOf, hexOf } from "../../../src/spec/digest.ts";

let root: string;
let store: ContentStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "tare-content-"));
  store = await openContentStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const leftovers = (): Promise<string[]> => readdir(join(root, "content/ingest"));

async function* pieces(...values: string[]): AsyncGenerator<Uint8Array> {
  for (const value of values) yield text(value);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

describe("ContentStore", () => {
  test("ingest() stores under the digest and open() gives it back", async () => {
    const blob = await store.ingest(pieces("ab", "", "c"));
    expect(blob).toEqual({ digest: digestOf("abc"), size: 3 });
    expect(await collect(store.open(blob.digest, { verify: true }))).toBe("abc");
    expect(Buffer.from(await store.read(blob.digest)).toString()).toBe("abc");
    expect(await store.find(blob.digest)).toEqual(blob);
    expect(await store.list()).toEqual([blob]);
    expect(await store.size()).toBe(3);
    expect(await leftovers()).toEqual([]);
    expect((await stat(join(root, "content/blobs/sha256"))).mode & 0o777).toBe(0o700);
  });

  test("ingest() keeps every byte of many pieces larger than its write buffer", async () => {
    const piece = Buffer.alloc(300_001, "x");
    const blob = await store.ingest(Array.from({ length: 20 }, () => piece));
    expect(blob).toEqual({ digest: digestOf(Buffer.alloc(6_000_020, "x")), size: 6_000_020 });
    let size = 0;
    for await (const chunk of store.open(blob.digest, { verify: true })) size += chunk.length;
    expect(size).toBe(6_000_020);
  });

  test("ingest() by sha512 when that is expected", async () => {
    const digest = digestOf("abc", "sha512");
    expect((await store.ingest(pieces("abc"), { expected: { digest } })).digest).toBe(digest);
    expect(await store.list()).toEqual([{ digest, size: 3 }]);
  });

  const refused = [
    ["a wrong digest", { expected: { digest: digestOf("other") } }, "corrupt", "its content has digest"],
    ["too few bytes", { expected: { size: 4 } }, "corrupt", "it has 3 bytes instead of 4"],
    ["too many bytes", { expected: { size: 2 } }, "corrupt", "longer than the 2 bytes announced"],
    ["more than allowed", { maxBytes: 2 }, "invalid", "longer than 2 bytes"],
  ] as const;
  test.each(refused)("ingest() refuses %s and leaves nothing", async (_, options, kind, detail) => {
    const failure = await store.ingest(pieces("abc"), options).catch((thrown) => thrown);
    expect(failure).toMatchObject({ kind, message: expect.stringContaining(detail) });
    expect(await store.list()).toEqual([]);
    expect(await leftovers()).toEqual([]);
  });

  test("ingest() leaves nothing when the source breaks or the signal aborts", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield text("abc");
      throw new Error("cut");
    }
    await expect(store.ingest(broken())).rejects.toThrow("cut");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(store.ingest(pieces("abc"), { signal })).rejects.toThrow("enough");
    expect(await leftovers()).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test("ingest() of the same blob many times at once", async () => {
    const blobs = await Promise.all(Array.from({ length: 20 }, () => store.ingest(pieces("a", "b"))));
    expect(new Set(blobs.map(({ digest }) => digest))).toEqual(new Set([digestOf("ab")]));
    expect(await store.list()).toHaveLength(1);
    expect(await leftovers()).toEqual([]);
  });

  test("open() with verify and read() notice a changed file, open() without gives it", async () => {
    const { digest } = await store.ingest(pieces("abc"));
    await writeFile(join(root, "content/blobs/sha256", hexOf(digest)), "abd");
    expect(await collect(store.open(digest))).toBe("abd");
    await expect(collect(store.open(digest, { verify: true }))).rejects.toMatchObject({ kind: "corrupt" });
    await expect(store.read(digest)).rejects.toMatchObject({ kind: "corrupt" });
  });

  test("read() and open() of what is absent or too long", async () => {
    const { digest } = await store.ingest(pieces("abc"));
    await expect(store.read(digest, { maxBytes: 2 })).rejects.toMatchObject({ kind: "invalid" });
    await store.remove(digest);
    await store.remove(digest);
    expect(await store.find(digest)).toBeUndefined();
    await expect(store.read(digest)).rejects.toMatchObject({ kind: "not-found" });
  });

  test("a draft can be read before and after commit(), and is gone without it", async () => {
    {
      await using draft = await store.draft();
      await draft.write(text("abc"));
      await draft.finish();
      expect(await collect(draft.staged.open())).toBe("abc");
      expect(await store.find(digestOf("abc"))).toBeUndefined();
    }
    expect(await leftovers()).toEqual([]);
    await using draft = await store.draft();
    await draft.write(text("abc"));
    await draft.commit();
    await draft.commit();
    expect(await collect(draft.staged.open())).toBe("abc");
  });

  test("openContentStore() deletes what a crash left and keeps the blobs", async () => {
    const { digest } = await store.ingest(pieces("abc"));
    await writeFile(join(root, "content/ingest/0123"), "half");
    const again = await openContentStore(root);
    expect(await leftovers()).toEqual([]);
    expect(await again.find(digest)).toBeDefined();
  });

  test("break while reading closes the file", async () => {
    const { digest } = await store.ingest([Buffer.alloc(5_000_000)]);
    const before = (await readdir("/proc/self/fd")).length;
    for await (const _ of store.open(digest)) break;
    expect((await readdir("/proc/self/fd")).length).toBe(before);
  });
});
