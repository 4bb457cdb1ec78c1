import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { TarType } from "../../../src/spec/tar-entry.ts";
import { encodeTarEnd, encodeTarMember, type TarMember, tarPadding } from "../../../src/spec/tar-writer.ts";
import { readTar } from "../../support/tar-builder.ts";

const types: TarType[] = ["file", "hardlink", "symlink", "character", "block", "directory", "fifo"];

function archiveOf(member: TarMember, contents: Uint8Array = new Uint8Array(0)): Uint8Array {
  const padding = new Uint8Array(tarPadding(contents.length));
  return Buffer.concat([encodeTarMember(member), contents, padding, encodeTarEnd()]);
}

describe("encodeTarMember()", () => {
  test("encodeTarMember() needs no PAX header for what ustar holds", () => {
    const member: TarMember = {
      path: "a/b",
      type: "file",
      mode: 0o644,
      uid: 1,
      mtime: { seconds: 5, nanoseconds: 0 },
    };
    expect(encodeTarMember(member).length).toBe(512);
    expect(encodeTarMember({ ...member, path: `${"d/".repeat(60)}name` }).length).toBe(512);
    expect(encodeTarMember({ ...member, path: "x".repeat(101) }).length).toBeGreaterThan(512);
    expect(encodeTarMember({ ...member, uid: 0o7777777 }).length).toBe(512);
    expect(encodeTarMember({ ...member, uid: 0o10000000 }).length).toBeGreaterThan(512);
  });

  test("encodeTarMember() refuses a name with a NUL byte", () => {
    expect(() => encodeTarMember({ path: "a\0b", type: "file" })).toThrow("NUL");
    expect(() => encodeTarMember({ path: "a", type: "symlink", linkName: "\0" })).toThrow("NUL");
  });

  test("encodeTarMember() writes what TarReader reads, whatever the fields", () => {
    const text = fc.oneof(
      fc.stringMatching(/^[a-z/]{1,300}$/),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).map((name) => name.replaceAll("\0", "0")),
      fc.constantFrom(
        "bad\udcff",
        `${"long".repeat(40)}\udc80`,
        "x".repeat(100),
        "x".repeat(101),
        "9\n1 a=b\n",
      ),
    );
    const number = fc.oneof(
      fc.nat(),
      fc.integer({ min: 0, max: 2 ** 32 }),
      fc.constantFrom(0o7777777, 0o10000000),
    );
    const fields = fc.record({
      path: text,
      linkName: text,
      userName: text,
      type: fc.constantFrom(...types),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      uid: number,
      gid: number,
      seconds: fc.oneof(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), fc.constantFrom(-1, 0, 0o77777777777)),
      nanoseconds: fc.oneof(
        fc.constantFrom(0, 1, 999_999_999, 500_000_000),
        fc.integer({ min: 0, max: 999_999_999 }),
      ),
      contents: fc.uint8Array({ maxLength: 700 }),
      xattrs: fc.array(fc.tuple(fc.stringMatching(/^user\.[a-z=]{1,8}$/), fc.uint8Array({ maxLength: 90 })), {
        maxLength: 3,
      }),
    });
    fc.assert(
      fc.property(fields, ({ seconds, nanoseconds, contents, xattrs, ...rest }) => {
        // "=" ends the key of a PAX record, so such attribute names can't be told.
        const named = new Map(xattrs.filter(([name]) => !name.includes("=")));
        const isFile = rest.type === "file";
        const isLink = rest.type === "hardlink" || rest.type === "symlink";
        const body = isFile ? contents : new Uint8Array(0);
        const member: TarMember = {
          ...rest,
          mtime: { seconds, nanoseconds },
          size: body.length,
          xattrs: named,
        };
        const written: object & TarMember = { ...member, linkName: isLink ? rest.linkName : "" };
        const [read] = readTar(archiveOf(written, body));
        expect(read?.entry).toMatchObject(written);
        expect(Buffer.compare(read?.contents ?? new Uint8Array(1), body)).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  test("encodeTarMember() writes sparse files that TarReader reads", () => {
    const sparse = [
      { offset: 4096, length: 3 },
      { offset: 9000, length: 2 },
    ];
    const archive = Buffer.concat([
      archiveOf({ path: "s", type: "file", size: 20_000, sparse }, Buffer.from("AAABB")),
    ]);
    const [read] = readTar(archive);
    expect(read?.entry.sparse).toEqual(sparse);
    expect(read?.entry.size).toBe(20_000);
    expect(Buffer.from(read?.contents.subarray(4095, 4100) ?? []).toString("latin1")).toBe("\0AAA\0");
  });
});
