import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { Failure } from "../../src/base/failure.ts";
import type { UnpackOptions } from "../../src/linux/tree/unpack-options.ts";
import { Scratch } from "../support/scratch.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { describeTree, failureAt, getXattr, openDescriptors, unpackAt } from "../support/unpack.ts";

const tar = (): TarBuilder => new TarBuilder();
const modes: UnpackOptions[] = [
  { names: "strict", whiteouts: "overlay" },
  { names: "docker", whiteouts: "overlay" },
  { names: "strict", whiteouts: "remove" },
  { names: "docker", whiteouts: "remove" },
  { names: "strict", whiteouts: "plain" },
  { names: "docker", whiteouts: "plain" },
];

/** Archives that want to reach what lies beside the root. OUT stands for its absolute path. */
const escapes: Record<string, (out: string) => TarBuilder> = {
  "dot-dot": () => tar().file("../outside/secret", "evil"),
  "dot-dot in the middle": () => tar().directory("a").file("a/../../outside/secret", "evil"),
  "dot-dot by prefix field": () => tar().header({ name: "outside/secret", prefix: ".." }),
  "dot-dot in a PAX path": () => tar().pax({ path: "../outside/secret" }).file("x", "evil"),
  "dot-dot in a GNU name": () => tar().long("../outside/secret").file("x", "evil"),
  "an absolute path": (out) => tar().file(`${out}/secret`, "evil"),
  "many slashes": (out) => tar().file(`//./${out}/secret`, "evil"),
  "a directory that is dot-dot": () => tar().directory("../outside", { mode: 0o777 }),
  "the root's own parent": () => tar().directory("..", { mode: 0o777, mtime: 5 }),
  "a file below an absolute link": (out) => tar().symlink("l", out).file("l/secret", "evil"),
  "a file below a relative link": () => tar().symlink("l", "../outside").file("l/secret", "evil"),
  "a file below links of links": () =>
    tar().symlink("a", "..").symlink("b", "a/outside").file("b/secret", "evil"),
  "a file below a link in a directory": () =>
    tar().directory("d").symlink("d/l", "../../outside").file("d/l/secret", "x"),
  "a file below /proc/self/cwd": () => tar().symlink("l", "/proc/self/cwd").file("l/secret", "evil"),
  "a file below /proc/1/root": (out) => tar().symlink("l", `/proc/1/root${out}`).file("l/secret", "evil"),
  "a file over a link": (out) => tar().symlink("l", `${out}/secret`).file("l", "evil"),
  "a directory over a link": (out) =>
    tar().symlink("l", out).directory("l", { mode: 0o777, uid: 9, mtime: 5 }),
  "a directory over a link, then a file": (out) =>
    tar().symlink("l", out).directory("l").file("l/secret", "evil"),
  "a link exchanged for a directory and back": (out) =>
    tar().directory("l").file("l/secret", "1").symlink("l", out).file("l/secret", "evil"),
  "a mode for a link's target": (out) =>
    tar().symlink("l", `${out}/secret`, { mode: 0o4777, uid: 5, mtime: 7 }),
  "a hard link out by dot-dot": () => tar().hardlink("h", "../outside/secret").file("h", "evil"),
  "dot-dot behind a link": (out) => tar().symlink("l", out).file("l/../../outside/secret", "evil"),
  "dot-dot in front of a link": (out) => tar().symlink("l", out).file("d/../l/secret", "evil"),
  "dot-dot through a link that leads up": () =>
    tar().directory("d").symlink("d/up", "../..").file("d/up/x/../outside/secret", "evil"),
  "as many dot-dots as there are names, and one more": () =>
    tar().file("a/b/c/../../../../outside/secret", "evil"),
  "a hard link through a name and out": () => tar().hardlink("h", "a/../../outside/secret", { mode: 0o777 }),
  "a hard link by dot-dot through a link": (out) =>
    tar().symlink("l", out).hardlink("h", "d/../l/secret", { mode: 0o777, uid: 5, mtime: 7 }),
  "a hard link to a link, with all that an entry may say": (out) =>
    tar()
      .symlink("l", `${out}/secret`)
      .pax({ "SCHILY.xattr.user.evil": "1" })
      .hardlink("h", "l", { mode: 0o4777, uid: 5, gid: 5, mtime: 7 }),
  "a hard link over a link, to a link": (out) =>
    tar()
      .symlink("l", `${out}/secret`)
      .symlink("h", `${out}/secret`)
      .hardlink("h", "l", { mode: 0o777, uid: 5 }),
  "a link in the place of aufs's links": (out) =>
    tar()
      .symlink(".wh..wh.plnk", out)
      .file(".wh..wh.plnk/secret", "evil")
      .hardlink("h", ".wh..wh.plnk/secret"),
  "a name beyond aufs's links": () => tar().file(".wh..wh.plnk/../../outside/secret", "evil"),
  "a hard link beyond aufs's links": () =>
    tar().file(".wh..wh.plnk/1").hardlink("h", ".wh..wh.plnk/../../outside/secret", { mode: 0o777 }),
  "a link among aufs's links": (out) =>
    tar()
      .symlink(".wh..wh.plnk/1", `${out}/secret`)
      .file(".wh..wh.plnk/2")
      .hardlink("h", ".wh..wh.plnk/1", { mode: 0o777 })
      .file("h", "evil"),
  "a hard link out by absolute path": (out) => tar().hardlink("h", `${out}/secret`),
  "a hard link through a linked directory": (out) => tar().symlink("l", out).hardlink("h", "l/secret"),
  "a hard link to a link": (out) =>
    tar().symlink("l", `${out}/secret`).hardlink("h", "l", { mode: 0o777, uid: 5 }),
  "a hard link to a link, then written": (out) =>
    tar().symlink("l", `${out}/secret`).hardlink("h", "l").file("h", "evil"),
  "a hard link made below a link": (out) => tar().file("f", "evil").symlink("l", out).hardlink("l/new", "f"),
  "a device below a link": (out) =>
    tar().symlink("l", out).header({ name: "l/new", flag: "3", major: 1, minor: 3 }),
  "a fifo below a link": (out) => tar().symlink("l", out).header({ name: "l/new", flag: "6" }),
  "a link below a link": (out) => tar().symlink("l", out).symlink("l/new", "x"),
  "a directory below a link": (out) => tar().symlink("l", out).directory("l/new"),
  "a whiteout of what is outside": () => tar().file("../outside/.wh.secret"),
  "a whiteout below a link": (out) => tar().symlink("l", out).file("l/.wh.secret"),
  "an opaque mark below a link": (out) => tar().symlink("l", out).file("l/.wh..wh..opq"),
  "a whiteout of dot-dot": () => tar().file("a/.wh..."),
  "a whiteout of dot": () => tar().file("a/.wh.."),
  "a whiteout of nothing": () => tar().file("a/.wh."),
  "a whiteout that is a link": (out) => tar().symlink(".wh.x", out).file(".wh.x/secret", "evil"),
  "a whiteout with a PAX path": () => tar().pax({ path: "a/.wh.../../../outside/secret" }).file("x"),
};

describe("unpackLayer() lets nothing out", () => {
  for (const [what, build] of Object.entries(escapes)) {
    test(`unpackLayer() stays inside against ${what}`, async () => {
      for (const options of modes) {
        using scratch = new Scratch("attack");
        mkdirSync(scratch.join("outside"));
        writeFileSync(scratch.join("outside/secret"), "secret", { mode: 0o600 });
        const before = describeTree(scratch.join("outside"));
        const parent = lstatSync(scratch.path, { bigint: true });
        mkdirSync(scratch.join("root"));
        const parentTimes = lstatSync(scratch.path, { bigint: true });
        const archive = build(scratch.join("outside")).end();
        try {
          await unpackAt(scratch.join("root"), archive, options);
        } catch (thrown) {
          if (!(thrown instanceof Failure)) throw thrown;
          expect(["invalid", "corrupt"]).toContain(thrown.kind);
        }
        expect(describeTree(scratch.join("outside"))).toEqual(before);
        const after = lstatSync(scratch.path, { bigint: true });
        expect([after.mode, after.uid, after.mtimeNs]).toEqual([
          parent.mode,
          parent.uid,
          parentTimes.mtimeNs,
        ]);
      }
    });
  }

  test("unpackLayer() in a full tree follows no link that a lower layer left", async () => {
    for (const names of ["strict", "docker"] as const) {
      for (const build of [
        () => tar().file("etc/secret", "evil"),
        () => tar().file("etc/.wh.secret"),
        () => tar().file("etc/.wh..wh..opq"),
        () => tar().hardlink("h", "etc/secret"),
        () => tar().directory("etc", { mode: 0o777 }),
        () => tar().file(".wh.etc"),
      ]) {
        using scratch = new Scratch("attack");
        mkdirSync(scratch.join("outside"));
        writeFileSync(scratch.join("outside/secret"), "secret");
        mkdirSync(scratch.join("root"));
        symlinkSync(scratch.join("outside"), scratch.join("root/etc"));
        const before = describeTree(scratch.join("outside"));
        try {
          await unpackAt(scratch.join("root"), build().end(), { names, whiteouts: "remove" });
        } catch (thrown) {
          if (!(thrown instanceof Failure)) throw thrown;
        }
        expect(describeTree(scratch.join("outside"))).toEqual(before);
      }
    }
  });
});

describe("unpackLayer() refuses", () => {
  const cases: Record<string, [TarBuilder, string, string]> = {
    "dot-dot that leaves the root": [
      tar().directory("a").file("a/../../b"),
      "invalid",
      'leaves the root by ".."',
    ],
    "a hard link that leaves the root": [
      tar().file("f").hardlink("h", "a/../../f"),
      "invalid",
      'leaves the root by ".."',
    ],
    "absolute names": [tar().file("/etc/x"), "invalid", "absolute"],
    "an entry below a link": [tar().symlink("l", "d").directory("d").file("l/x"), "invalid", "symlink"],
    "an entry below a file": [tar().file("f").file("f/x"), "invalid", "is a file"],
    "an entry below a fifo": [tar().header({ name: "p", flag: "6" }).file("p/x"), "invalid", "is a fifo"],
    "a directory below a whiteout": [tar().file(".wh.x/y"), "invalid", "whiteout"],
    "a whiteout of dot-dot": [tar().file(".wh..."), "invalid", "whiteout"],
    "a root that is a link": [tar().symlink("./", "/"), "invalid", "root"],
    "a root that is a file": [tar().file("."), "invalid", "root"],
    "a hard link to nothing": [tar().hardlink("h", "absent"), "corrupt", "did not bring"],
    "a hard link to itself": [tar().file("h").hardlink("h", "h"), "corrupt", "hard link"],
    "a hard link to a directory": [tar().directory("d").hardlink("h", "d"), "corrupt", "directory"],
    "a hard link to the root": [tar().hardlink("h", "./"), "corrupt", "hard link"],
    "a hard link to a whiteout": [tar().file(".wh.w").hardlink("h", "w"), "corrupt", "did not bring"],
    "a device that is a whiteout": [tar().header({ name: "w", flag: "3" }), "invalid", "whiteout"],
    "a device number out of range": [tar().header({ name: "w", flag: "4", major: 4096 }), "invalid", "range"],
    "uid 2³²−1, which means no change": [tar().pax({ uid: "4294967295" }).file("f"), "invalid", "range"],
    "gid 2³², which would be root": [tar().pax({ gid: "4294967296" }).file("f"), "invalid", "range"],
    "a negative uid": [
      tar().file("f", "", { fields: [[108, Uint8Array.from({ length: 8 }, () => 0xff)]] }),
      "invalid",
      "range",
    ],
    "a symbolic link to nowhere at all": [tar().symlink("l", ""), "not-found", "symlinkat"],
    "a component of 256 bytes": [tar().long("n".repeat(256)).file("x"), "invalid", "ENAMETOOLONG"],
    "an unknown type": [tar().header({ name: "x", flag: "V" }), "unsupported", "unknown"],
    "a path 2,000 directories deep": [tar().long("d/".repeat(2000)).directory("x"), "invalid", "deep"],
    "a file of 8 EiB": [
      tar().pax({ "GNU.sparse.size": "9007199254740991", "GNU.sparse.map": "" }).file("f"),
      "invalid",
      "larger",
    ],
  };
  for (const [what, [builder, kind, sentence]] of Object.entries(cases)) {
    test(`unpackLayer() refuses ${what}`, async () => {
      using scratch = new Scratch("attack");
      const failure = await failureAt(scratch.join("root"), builder.end());
      expect(failure.message).toContain(sentence);
      expect(failure.kind as string).toBe(kind);
      expect(failure.message).toStartWith("cannot unpack ");
    });
  }

  test("unpackLayer() refuses more entries, bytes or blocks than the limits", async () => {
    using scratch = new Scratch("attack");
    const many = tar();
    for (let at = 0; at < 11; at++) many.file(`f${at}`, "x".repeat(100));
    const at = (limits: object): Promise<Failure> => failureAt(scratch.join("root"), many.end(), { limits });
    expect((await at({ entries: 10 })).message).toContain("more than 10 entries");
    expect((await at({ totalBytes: 1099 })).message).toContain("more than 1099 bytes");
    expect((await at({ fileBytes: 99 })).message).toContain("larger than 99 bytes");
    await unpackAt(scratch.join("fits"), many.end(), {
      limits: { entries: 11, totalBytes: 1100, fileBytes: 100 },
    });
    // A thousand bytes that would take four megabytes of the disk.
    const fragments = Array.from({ length: 1000 }, (_, index) => `${index * 8192},1`).join(",");
    const sparse = tar()
      .pax({ "GNU.sparse.size": "8192000", "GNU.sparse.map": fragments })
      .file("s", "x".repeat(1000));
    const failure = await failureAt(scratch.join("root"), sparse.end(), {
      limits: { totalBytes: 4_000_000 },
    });
    expect(failure.message).toContain("bytes");
  });

  test("unpackLayer() refuses a truncated archive", async () => {
    using scratch = new Scratch("attack");
    const failure = await failureAt(
      scratch.join("root"),
      tar().file("f", "x".repeat(2000)).cut().subarray(0, 1024),
    );
    expect(failure.kind).toBe("corrupt");
  });
});

describe("unpackLayer() and marks of overlay", () => {
  test("unpackLayer() takes no attribute that speaks to overlay or to the host's security modules", async () => {
    using scratch = new Scratch("attack");
    const records: Record<string, string> = { "SCHILY.xattr.user.fine": "yes" };
    const forbidden = [
      "trusted.overlay.opaque",
      "trusted.overlay.redirect",
      "trusted.overlay.metacopy",
      "trusted.other",
      "user.overlay.opaque",
      "security.selinux",
      "security.ima",
    ];
    for (const name of forbidden) records[`SCHILY.xattr.${name}`] = "y";
    const result = await unpackAt(
      scratch.join("root"),
      tar().pax(records).directory("d").pax(records).file("f").end(),
    );
    expect(result.skippedXattrs).toBe(forbidden.length * 2);
    for (const path of ["root/d", "root/f"]) {
      for (const name of forbidden) expect(getXattr(scratch.join(path), name)).toBeUndefined();
      expect(getXattr(scratch.join(path), "user.fine")).toBe("yes");
    }
  });

  test("unpackLayer() sets owner before mode, so that setuid and capabilities stay", async () => {
    using scratch = new Scratch("attack");
    const capability = "\u0001\0\0\u0002\0\u0004\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const archive = tar()
      .pax({ "SCHILY.xattr.security.capability": capability })
      .file("f", "content", { mode: 0o6755, uid: 1000, gid: 1000 })
      .end();
    await unpackAt(scratch.join("root"), archive);
    const stat = lstatSync(scratch.join("root/f"));
    expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([0o6755, 1000, 1000]);
    expect(getXattr(scratch.join("root/f"), "security.capability")).toBe(capability);
  });

  test("unpackLayer() never writes into a file that an earlier name still has", async () => {
    using scratch = new Scratch("attack");
    const archive = tar().file("a", "first").hardlink("b", "a").file("b", "second").end();
    await unpackAt(scratch.join("root"), archive);
    expect(readFileSync(scratch.join("root/a"), "utf8")).toBe("first");
    expect(readFileSync(scratch.join("root/b"), "utf8")).toBe("second");
  });

  test("unpackLayer() skips devices when asked to", async () => {
    using scratch = new Scratch("attack");
    const archive = tar().header({ name: "zero", flag: "3", major: 1, minor: 5 }).file("f").end();
    await unpackAt(scratch.join("root"), archive, { devices: "skip" });
    expect(existsSync(scratch.join("root/zero"))).toBe(false);
    expect(existsSync(scratch.join("root/f"))).toBe(true);
  });
});

let descriptors: string[] = [];
beforeAll(() => {
  descriptors = openDescriptors();
});
afterAll(() => {
  expect(openDescriptors()).toEqual(descriptors);
});
