import { describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { decompress, detectCompression } from "../../../src/image/streams/compression.ts";

const one = Buffer.from("one".repeat(100_000));
const two = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) >> 3));
const both = Buffer.concat([one, two]);
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);
const zstd = (bytes: Uint8Array): Buffer => zstdCompressSync(bytes);
const gzipped = gzipSync(one);
const wrongChecksum = gzipped.fill(1, gzipped.length - 8, gzipped.length - 4);
const zstdChecked = Buffer.concat([zstd(one), skippable, zstd(two)]);

async function* cut(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe("decompress()", () => {
  const whole: readonly (readonly [string, Uint8Array])[] = [
    ["plain", both],
    ["gzip", gzipSync(both)],
    ["gzip of two members", Buffer.concat([gzipSync(one), gzipSync(two)])],
    ["gzip and zero bytes", Buffer.concat([gzipSync(both), Buffer.alloc(3_000)])],
    ["gzip of two members and one zero byte", Buffer.concat([gzipSync(one), gzipSync(two), Buffer.alloc(1)])],
    ["zstd", zstd(both)],
    ["zstd of two frames", Buffer.concat([zstd(one), zstd(two)])],
    ["zstd with a skippable frame between", zstdChecked],
    ["zstd with a skippable frame first and last", Buffer.concat([skippable, zstd(both), skippable])],
  ];
  for (const step of [51, 1000, 1 << 20]) {
    test.each(whole)(`gives the content of %s in pieces of ${step}`, async (_, bytes) => {
      expect((await collect(decompress(cut(bytes, step)))).equals(both)).toBe(true);
    });
  }
  test("gives nothing for nothing", async () => {
    expect((await collect(decompress(cut(new Uint8Array(0), 1)))).length).toBe(0);
  });

  const broken: readonly (readonly [string, Uint8Array])[] = [
    ["gzip cut off", gzipSync(two).subarray(0, -9)],
    ["gzip with a wrong checksum", wrongChecksum],
    ["gzip and garbage", Buffer.concat([gzipSync(one), Buffer.from("garbage here")])],
    ["zstd cut off", zstd(two).subarray(0, -1)],
    ["zstd cut off in a header", zstd(two).subarray(0, 5)],
    ["zstd and garbage", Buffer.concat([zstd(one), Buffer.from("garbage here")])],
    ["zstd with a broken block", Buffer.from(zstd(two)).fill(0xff, 9, 12)],
  ];
  test.each(broken)("throws corrupt for %s", async (_, bytes) => {
    await expect(collect(decompress(cut(bytes, 1000)))).rejects.toMatchObject({ kind: "corrupt" });
  });

  test("reads all zero bytes behind gzip, so that the blob can be hashed", async () => {
    const bytes = Buffer.concat([gzipSync(one), Buffer.alloc(3_000_000)]);
    let read = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of cut(bytes, 65_536)) {
        read += chunk.length;
        yield chunk;
      }
    }
    expect((await collect(decompress(counted()))).equals(one)).toBe(true);
    expect(read).toBe(bytes.length);
  });

  const member = gzipSync(one);
  const followed: readonly (readonly [string, Uint8Array, number])[] = [
    [
      "text behind zero bytes",
      Buffer.concat([member, Buffer.alloc(700), Buffer.from("junk")]),
      member.length + 700,
    ],
    [
      "text far behind",
      Buffer.concat([member, Buffer.alloc(300_000), Buffer.from("x")]),
      member.length + 300_000,
    ],
    ["gzip behind zero bytes", Buffer.concat([member, Buffer.alloc(1), gzipSync(two)]), member.length + 1],
  ];
  for (const step of [51, 1000, 1 << 20]) {
    test.each(followed)(`refuses %s with its position, in pieces of ${step}`, async (_, bytes, position) => {
      await expect(collect(decompress(cut(bytes, step)))).rejects.toMatchObject({
        kind: "corrupt",
        message: expect.stringMatching(new RegExp(`follows at byte ${position}$`)),
      });
    });
  }

  test("refuses what follows gzip at once with the piece that has it", async () => {
    const bytes = Buffer.concat([member, gzipSync(two), Buffer.from("junk")]);
    const at = bytes.length - 4;
    for (const [step, where] of [
      [1, new RegExp(`follows it at byte (${at}|${at + 1})$`)],
      [1 << 20, new RegExp(`follows it between byte \\d+ and byte ${bytes.length - 1}$`)],
    ] as const)
      await expect(collect(decompress(cut(bytes, step)))).rejects.toMatchObject({
        kind: "corrupt",
        message: expect.stringMatching(where),
      });
  });

  test("leaves out of that range what inflated well before", async () => {
    const large = gzipSync(Buffer.alloc(16 << 20));
    const bytes = Buffer.concat([large, Buffer.from("junk")]);
    const refused: unknown = await collect(decompress(cut(bytes, 1 << 20))).catch(
      (thrown: unknown) => thrown,
    );
    const [, first, last] = /between byte (\d+) and byte (\d+)$/.exec(String(refused)) ?? [];
    expect(Number(last)).toBe(bytes.length - 1);
    // Pieces of 256 KB came out, of a thousandth of that each.
    expect(Number(first)).toBeLessThanOrEqual(large.length);
    expect(Number(first)).toBeGreaterThan(large.length - 1000);
  });

  test("passes on what the source throws", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gzipSync(two).subarray(0, 1000);
      throw new Error("the line was cut");
    }
    await expect(collect(decompress(failing()))).rejects.toThrow("the line was cut");
  });

  test("ends the source when the reader stops", async () => {
    const state = { ended: false };
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* cut(gzipSync(both), 100);
      } finally {
        state.ended = true;
      }
    }
    for await (const _ of decompress(source())) break;
    for (let turn = 0; turn < 100 && !state.ended; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(state.ended).toBe(true);
  });
});

test("detectCompression() refuses bzip2 and xz by name", () => {
  expect(() => detectCompression(Buffer.from("BZh91AY"))).toThrow("cannot decompress bzip2");
  expect(() => detectCompression(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]))).toThrow(
    "cannot decompress xz",
  );
  expect(detectCompression(new Uint8Array(0))).toBe("plain");
  // The beginning of a tar is a name.
  expect(detectCompression(Buffer.from("BZh91.txt"))).toBe("plain");
  expect(detectCompression(Buffer.from("BZhAY&SY"))).toBe("plain");
});

test.each([
  ["gzip", gzipSync(both)],
  ["zstd", zstd(both)],
])("decompress() of %s lets the error of its source through as it is, with its code", async (_, bytes) => {
  const broken = Object.assign(new Error("EMFILE: too many open files, read"), { code: "EMFILE" });
  async function* source(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 1000);
    throw broken;
  }
  const thrown = await collect(decompress(source())).catch((error: unknown) => error);
  expect(thrown).toBe(broken);
});
