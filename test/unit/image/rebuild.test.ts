import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import { compressAs, guessBytes, guessForm } from "../../../src/image/rebuild/blob-form.ts";
import { decodePieces, encodePiece } from "../../../src/image/rebuild/recipe.ts";
import { rebuildTar } from "../../../src/image/rebuild/rebuild-tar.ts";
import { openDirectoryPath } from "../../../src/linux/files/open.ts";
import { type TarPiece, TarSplitter } from "../../../src/spec/tar-splitter.ts";
import { tarOf } from "../../support/images.ts";

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}

function recipeOf(tar: Uint8Array, size: number): Buffer {
  const splitter = new TarSplitter();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < tar.length; at += size) {
    for (const piece of splitter.push(tar.subarray(at, at + size)))
      parts.push(...encodePiece(piece).map((part) => Buffer.from(part)));
  }
  splitter.end();
  return Buffer.concat(parts);
}

describe("a layer that is rebuilt", () => {
  let root: string;
  const members: [string, string][] = [
    ["etc/", ""],
    ["./etc/empty", ""],
    ["./etc/one", "1"],
    ["usr/share/long", "0123456789".repeat(20_000)],
    [`deep/${"n".repeat(180)}/name`, "long name"],
  ];
  const tar = tarOf(members);

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "tare-rebuild-"));
    for (const [path, contents] of members.filter(([path]) => !path.endsWith("/"))) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), contents);
    }
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("is the same tar, whatever pieces either comes in", async () => {
    using opened = openDirectoryPath(root);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }), async (a, b) => {
        const recipe = recipeOf(tar, a);
        expect(recipe.length).toBeLessThan(tar.length / 10);
        const rebuilt = await bytesOf(rebuildTar(decodePieces(inPieces(recipe, b)), opened.fd));
        expect(rebuilt.equals(tar)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("is refused where a file is another one, a link, or outside", async () => {
    using opened = openDirectoryPath(root);
    const rebuild = async (piece: TarPiece): Promise<unknown> => {
      const recipe = Buffer.concat(encodePiece(piece).map((part) => Buffer.from(part)));
      return await bytesOf(rebuildTar(decodePieces(inPieces(recipe, 100)), opened.fd)).catch(
        (thrown: unknown) => (thrown as Failure).message,
      );
    };
    symlinkSync("/etc/passwd", join(root, "out"));
    symlinkSync("etc", join(root, "also"));
    linkSync(join(root, "etc/one"), join(root, "same"));
    expect(String(await rebuild({ kind: "file", path: "same", bytes: 1 }))).toBe("1");
    // Some builders write entries below a link.
    expect(String(await rebuild({ kind: "file", path: "also/one", bytes: 1 }))).toBe("1");
    const refused: readonly (readonly [string, number])[] = [
      ["etc/one", 2],
      ["etc", 4096],
      ["none", 1],
      ["out", 1],
      ["../etc/passwd", 1],
      ["/../../etc/passwd", 1],
    ];
    for (const [path, bytes] of refused)
      expect(await rebuild({ kind: "file", path, bytes })).toStartWith(
        `cannot rebuild a layer: ${JSON.stringify(path)} is `,
      );
  });

  test.each([
    ["gzip", gzipSync(tar, { level: 9 })],
    ["zstd", zstdCompressSync(tar)],
    ["plain", tar],
  ] as const)("is %s again as it came", async (kind, blob) => {
    const head = tar.subarray(0, guessBytes);
    const form = await guessForm(blob.subarray(0, guessBytes), {
      head,
      isWhole: head.length === tar.length,
      countBytes: async () => tar.length,
    });
    expect(form?.kind).toBe(kind);
    if (form === undefined) return;
    for (const size of [100, 7777, 1 << 20])
      expect((await bytesOf(compressAs(form, inPieces(tar, size)))).equals(blob)).toBe(true);
  });
});

describe("decodePieces()", () => {
  test("gives back what was encoded", async () => {
    const piece = fc.oneof(
      fc.record({
        kind: fc.constant("raw" as const),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      }),
      fc.record({
        kind: fc.constant("file" as const),
        path: fc.stringMatching(/^[a-z/.é]{1,40}$/),
        bytes: fc.maxSafeNat().map((bytes) => Math.floor(bytes / 4)),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 8 }),
        fc.integer({ min: 1, max: 50 }),
        async (pieces, size) => {
          const encoded = Buffer.concat(
            pieces.flatMap((each) => encodePiece(each).map((part) => Buffer.from(part))),
          );
          const found: (string | number)[] = [];
          for await (const each of decodePieces(inPieces(encoded, size)))
            found.push(...(each.kind === "raw" ? [...each.bytes] : [each.path, each.bytes]));
          expect(found).toEqual(
            pieces.flatMap((each) => (each.kind === "raw" ? [...each.bytes] : [each.path, each.bytes])),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  test("answers random and damaged bytes with nothing but a Failure", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        try {
          for await (const _ of decodePieces(inPieces(bytes, 64)));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
