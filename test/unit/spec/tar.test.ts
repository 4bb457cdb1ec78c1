import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import { decodeBytes, encodeBytes } from "../../../src/spec/byte-text.ts";
import { TarReader } from "../../../src/spec/tar.ts";
import { readTar, TarBuilder } from "../../support/tar-builder.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** The sentence with which the archive is refused; fails when it isn't, or not as "corrupt". */
function refusal(archive: Uint8Array): string {
  try {
    readTar(archive);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind === "corrupt") return thrown.message;
    throw thrown;
  }
  throw new Error("the archive was accepted");
}

describe("TarReader reads", () => {
  test("TarReader reads each type of ustar entry", () => {
    const archive = new TarBuilder()
      .directory("d/", { mode: 0o1777 })
      .file("d/f", "hello", { uid: 1000, gid: 100, mtime: 1_700_000_000, mode: 0o4755 })
      .symlink("d/s", "f")
      .hardlink("d/h", "d/f")
      .header({ name: "d/c", flag: "3", major: 1, minor: 3 })
      .header({ name: "d/b", flag: "4", major: 8, minor: 17 })
      .header({ name: "d/p", flag: "6" })
      .header({ name: "old/", flag: "\0", magic: "" })
      .header({ name: "name", prefix: "a/prefix" })
      .end();
    const entries = readTar(archive).map(({ entry }) => entry);
    expect(entries.map(({ type, path }) => [type, path])).toEqual([
      ["directory", "d/"],
      ["file", "d/f"],
      ["symlink", "d/s"],
      ["hardlink", "d/h"],
      ["character", "d/c"],
      ["block", "d/b"],
      ["fifo", "d/p"],
      ["directory", "old/"],
      ["file", "a/prefix/name"],
    ]);
    const file = entries[1];
    expect([file?.uid, file?.gid, file?.mode, file?.size, file?.mtime.seconds]).toEqual([
      1000, 100, 0o4755, 5, 1_700_000_000,
    ]);
    expect([entries[5]?.major, entries[5]?.minor]).toEqual([8, 17]);
    expect(entries[3]?.linkName).toBe("d/f");
  });

  test("TarReader reads GNU long names, base-256 numbers and negative times", () => {
    const long = "x".repeat(5000);
    const archive = new TarBuilder()
      .long(long)
      .long(`${long}y`, "K")
      .symlink("short", "short", {
        magic: "ustar  \0",
        fields: [
          [108, Uint8Array.of(0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe)],
          [136, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe)],
        ],
      })
      .end();
    const entry = readTar(archive)[0]?.entry;
    expect(entry?.path).toBe(long);
    expect(entry?.linkName).toBe(`${long}y`);
    expect(entry?.uid).toBe(2 ** 32 - 2);
    expect(entry?.mtime).toEqual({ seconds: -2, nanoseconds: 0 });
  });

  test("TarReader reads PAX records, the next entry's only", () => {
    const archive = new TarBuilder()
      .pax({
        mtime: "-1.5",
        uid: "70000",
        "SCHILY.xattr.user.a": "v=1\n",
        path: "ü/name",
        comment: "x",
        linkpath: "l",
      })
      .file("other", "abc")
      .file("plain", "")
      .end();
    const [first, second] = readTar(archive);
    expect(first?.entry.path).toBe("ü/name");
    expect(first?.entry.uid).toBe(70_000);
    expect(first?.entry.mtime).toEqual({ seconds: -2, nanoseconds: 500_000_000 });
    expect(text(first?.entry.xattrs.get("user.a") ?? new Uint8Array())).toBe("v=1\n");
    expect(text(first?.contents ?? new Uint8Array())).toBe("abc");
    expect([second?.entry.path, second?.entry.uid, second?.entry.xattrs.size]).toEqual(["plain", 0, 0]);
  });

  test("TarReader applies global records until they are taken back", () => {
    const archive = new TarBuilder()
      .pax({ uid: "7", gname: "wheel" }, "g")
      .file("a")
      .pax({ uid: "8" })
      .file("b")
      .pax({ uid: "" }, "g")
      .file("c", "", { uid: 3 })
      .end();
    expect(readTar(archive).map(({ entry }) => entry.uid)).toEqual([7, 8, 3]);
  });

  test("TarReader takes nothing else from global records, which would cost time at every entry", () => {
    const archive = new TarBuilder()
      .pax({ "SCHILY.xattr.user.a": "1", comment: "x", uid: "5" }, "g")
      .file("a")
      .end();
    const entry = readTar(archive)[0]?.entry;
    expect([entry?.xattrs.size, entry?.uid]).toEqual([0, 5]);
  });

  test("TarReader refuses a name of a million odd bytes in no time", () => {
    const body = Buffer.alloc(1_000_000, 0xc3);
    const archive = new TarBuilder()
      .header({ name: "x", flag: "L", size: body.length, magic: "ustar  \0" })
      .raw(body)
      .file("f")
      .end();
    const started = performance.now();
    expect(refusal(archive)).toContain("name");
    expect(performance.now() - started).toBeLessThan(500);
  });

  test("TarReader takes the size from a PAX record, and ignores it for entries without contents", () => {
    const archive = new TarBuilder()
      .pax({ size: "3" })
      .header({ name: "f", size: 0 })
      .raw("abc")
      .pax({ size: "700" })
      .symlink("s", "t", { size: 600 })
      .directory("d", { size: 512 })
      .file("last", "z")
      .end();
    expect(readTar(archive).map(({ entry, contents }) => [entry.path, text(contents)])).toEqual([
      ["f", "abc"],
      ["s", ""],
      ["d", ""],
      ["last", "z"],
    ]);
  });

  test("TarReader reads all four sparse formats alike", () => {
    const stored = "AAABB";
    const octal = (value: number): string => value.toString(8).padStart(11, "0");
    const gnu = new TarBuilder()
      .header({
        name: "s",
        flag: "S",
        size: 5,
        magic: "ustar  \0",
        fields: [
          [386, `${octal(2)}\0${octal(3)}\0`],
          [410, `${octal(8)}\0${octal(2)}\0`],
          [483, octal(12)],
        ],
      })
      .raw(stored);
    const pax00 = new TarBuilder()
      .paxBody(
        "22 GNU.sparse.size=12\n26 GNU.sparse.numblocks=2\n23 GNU.sparse.offset=2\n25 GNU.sparse.numbytes=3\n" +
          "23 GNU.sparse.offset=8\n25 GNU.sparse.numbytes=2\n",
      )
      .header({ name: "s", size: 5 })
      .raw(stored);
    const pax01 = new TarBuilder()
      .pax({ "GNU.sparse.size": "12", "GNU.sparse.map": "2,3,8,2", "GNU.sparse.name": "s" })
      .header({ name: "GNUSparseFile.1/s", size: 5 })
      .raw(stored);
    const pax10 = new TarBuilder()
      .pax({
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "s",
        "GNU.sparse.realsize": "12",
      })
      .header({ name: "GNUSparseFile.1/s", size: 512 + 5 })
      .raw("2\n2\n3\n8\n2\n")
      .raw(stored);
    for (const builder of [gnu, pax00, pax01, pax10]) {
      const members = readTar(builder.file("after", "z").end(), 7);
      expect(members.map(({ entry }) => entry.path)).toEqual(["s", "after"]);
      expect(text(members[0]?.contents ?? new Uint8Array())).toBe("\0\0AAA\0\0\0BB\0\0");
      expect(members[0]?.entry.sparse).toEqual([
        { offset: 2, length: 3 },
        { offset: 8, length: 2 },
      ]);
    }
  });

  test("TarReader keeps names that are no UTF-8, byte by byte", () => {
    const name = Uint8Array.of(0x61, 0xff, 0xc3, 0xa9, 0xed, 0xb2, 0x80, 0x0a, 0xf0, 0x9f);
    const path = readTar(new TarBuilder().header({ name }).end())[0]?.entry.path ?? "";
    expect(encodeBytes(path)).toEqual(name);
    expect(path.startsWith("a\udcffé")).toBe(true);
  });

  test("TarReader accepts an archive without end mark, an empty one, and anything after the mark", () => {
    expect(readTar(new TarBuilder().file("a", "1").cut()).length).toBe(1);
    expect(readTar(new Uint8Array(0), 1).length).toBe(0);
    expect(readTar(Buffer.concat([new TarBuilder().file("a").end(), Buffer.from("junk!")])).length).toBe(1);
  });
});

describe("TarReader refuses", () => {
  const file = (raw: object): Uint8Array => new TarBuilder().file("f", "abc", raw).end();
  const cases: Record<string, [Uint8Array, string]> = {
    "a wrong checksum": [file({ checksum: "0000000\0" }), "checksum"],
    "a checksum that is no number": [file({ checksum: "zzzzzzz\0" }), "checksum"],
    "a size that is no number": [file({ fields: [[124, "000000000x3"]] }), "size"],
    "a negative size": [file({ fields: [[124, Uint8Array.from({ length: 12 }, () => 0xff)]] }), "negative"],
    "a size beyond 2^53": [
      file({ fields: [[124, Uint8Array.from({ length: 12 }, (_, at) => (at === 0 ? 0x80 : 0xff))]] }),
      "too large",
    ],
    "an entry without name": [new TarBuilder().file("").end(), "no name"],
    "an entry after one block of zeros": [new TarBuilder().raw(new Uint8Array(512)).file("f").end(), "zeros"],
    "a PAX header without an entry": [new TarBuilder().pax({ uid: "1" }).end(), "extended"],
    "a PAX header at the end": [new TarBuilder().pax({ uid: "1" }).cut(), "middle"],
    "a PAX length beyond the body": [new TarBuilder().paxBody("999999 path=x\n").file("f").end(), "PAX"],
    "a PAX length that overflows": [
      new TarBuilder().paxBody("18446744073709551626 path=x\n").file("f").end(),
      "PAX",
    ],
    "a negative PAX length": [new TarBuilder().paxBody("-10 path=x\n").file("f").end(), "PAX"],
    "a PAX length of nothing": [new TarBuilder().paxBody("0 \n").file("f").end(), "PAX"],
    "a PAX length without digits": [new TarBuilder().paxBody(" path=x\n").file("f").end(), "PAX"],
    "a PAX record without equals": [new TarBuilder().paxBody("8 pathx\n").file("f").end(), "PAX"],
    "a PAX record whose equals is the next one's": [
      new TarBuilder().paxBody("6 abc\n10 path=x\n").file("f").end(),
      "PAX",
    ],
    "a PAX record without newline": [new TarBuilder().paxBody("10 path=x!").file("f").end(), "newline"],
    "a PAX path with NUL": [new TarBuilder().pax({ path: "a\0b" }).file("f").end(), "NUL"],
    "a negative PAX size": [new TarBuilder().pax({ size: "-1" }).file("f").end(), "size"],
    "a huge PAX size": [new TarBuilder().pax({ size: "99999999999999999999" }).file("f").end(), "size"],
    "a PAX uid that is no number": [new TarBuilder().pax({ uid: "0x10" }).file("f").end(), "uid"],
    "a PAX time that is no number": [new TarBuilder().pax({ mtime: "1e9" }).file("f").end(), "time"],
    "a PAX header of 2 MiB": [new TarBuilder().header({ flag: "x", size: 2 << 20 }).end(), "extended"],
    "a GNU name of 8 GiB": [new TarBuilder().header({ flag: "L", size: 2 ** 33 - 1 }).end(), "extended"],
    "a name of 100,000 bytes": [new TarBuilder().long("x".repeat(100_000)).file("f").end(), "name"],
    "a global path": [new TarBuilder().pax({ path: "x" }, "g").file("f").end(), "global"],
    "a sparse map of a million fragments": [
      new TarBuilder()
        .pax({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9" })
        .file("f", "1000000\n".padEnd(512))
        .end(),
      "fragments",
    ],
    "a sparse map that never ends": [
      new TarBuilder()
        .pax({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9" })
        .file("f", "100\n1\n".repeat(100))
        .end(),
      "sparse map",
    ],
    "sparse fragments that overlap": [
      new TarBuilder().pax({ "GNU.sparse.size": "100", "GNU.sparse.map": "5,2,6,1" }).file("f", "abc").end(),
      "overlap",
    ],
    "sparse fragments that go backwards": [
      new TarBuilder().pax({ "GNU.sparse.size": "100", "GNU.sparse.map": "5,2,0,1" }).file("f", "abc").end(),
      "overlap",
    ],
    "a sparse fragment beyond the end": [
      new TarBuilder().pax({ "GNU.sparse.size": "6", "GNU.sparse.map": "5,3" }).file("f", "abc").end(),
      "beyond",
    ],
    "a sparse fragment that overflows": [
      new TarBuilder()
        .pax({ "GNU.sparse.size": "6", "GNU.sparse.map": "9007199254740991,3" })
        .file("f", "abc")
        .end(),
      "beyond",
    ],
    "a sparse map of more than is stored": [
      new TarBuilder().pax({ "GNU.sparse.size": "100", "GNU.sparse.map": "5,50" }).file("f", "abc").end(),
      "stored",
    ],
    "half a sparse fragment": [
      new TarBuilder().pax({ "GNU.sparse.size": "100", "GNU.sparse.map": "5,3,7" }).file("f", "abc").end(),
      "sparse map",
    ],
  };
  for (const [what, [archive, sentence]] of Object.entries(cases)) {
    test(`TarReader refuses ${what}`, () => {
      expect(refusal(archive)).toContain(sentence);
    });
  }

  test("TarReader refuses an archive that is cut anywhere but between entries", () => {
    const whole = new TarBuilder().pax({ uid: "5" }).file("f", "x".repeat(700)).file("g", "y").cut();
    const between = [0, 512 * 5, whole.length];
    for (let length = 0; length <= whole.length; length += 64) {
      const cut = whole.subarray(0, length);
      if (between.includes(length)) expect(readTar(cut).length).toBeLessThanOrEqual(2);
      else expect(refusal(cut)).toContain("middle");
    }
  });
});

describe("TarReader properties", () => {
  test("TarReader gives the same entries however the archive is cut into chunks", () => {
    const archive = new TarBuilder()
      .pax({ path: "long/name", "SCHILY.xattr.user.a": "1" })
      .file("f", "x".repeat(1025))
      .directory("d")
      .pax({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "2000" })
      .file("f", `${"2\n0\n3\n1000\n2\n".padEnd(512, "\0")}abcde`)
      .long("n".repeat(600))
      .file("g", "y")
      .end();
    const whole = readTar(archive);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (pieceBytes) => {
        expect(readTar(archive, pieceBytes)).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  test("TarReader answers random and damaged bytes with nothing but a Failure", () => {
    const sample = new TarBuilder()
      .pax({ path: "p", mtime: "1.5", "GNU.sparse.size": "100", "GNU.sparse.map": "5,3" })
      .file("f", "abc")
      .long("n".repeat(600))
      .file("g", "y")
      .end();
    const survives = (archive: Uint8Array): void => {
      const reader = new TarReader();
      try {
        for (const _ of reader.push(archive));
        reader.end();
      } catch (thrown) {
        if (!(thrown instanceof Failure)) throw thrown;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), survives), { numRuns: 500 });
    const damage = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = Uint8Array.from(sample);
        for (const [at, byte] of changes) damaged[at] = byte;
        repairChecksums(damaged);
        survives(damaged);
      }),
      { numRuns: 2000 },
    );
  });

  test("decodeBytes() and encodeBytes() give back the same bytes", () => {
    const odd = fc.uint8Array({ maxLength: 40 });
    const near = fc.array(
      fc.constantFrom(0xed, 0xb2, 0x80, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 0x2f, 0xef, 0xbb, 0xbf),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          odd,
          near.map((bytes) => Uint8Array.from(bytes)),
        ),
        (bytes) => {
          expect(encodeBytes(decodeBytes(bytes))).toEqual(bytes);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

/** Makes damage to header blocks reach the parser behind the checksum. */
function repairChecksums(archive: Uint8Array): void {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    if (text(archive.subarray(at + 257, at + 262)) !== "ustar") continue;
    archive.fill(0x20, at + 148, at + 156);
    const sum = archive.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    archive.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), at + 148);
  }
}
