import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { memoryDirectory, Scratch } from "../support/scratch.ts";
import { inChunks, TarBuilder } from "../support/tar-builder.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { unpackLayer } from "../../src/linux/tree/tree.ts";
import { describeTree, failureAt, getXattr, openDescriptors, unpackAt } from "../support/unpack.ts";

const tar = (): TarBuilder => new TarBuilder();
const text = (path: string): string => readFileSync(path, "utf8");

function isWhiteout(path: string): boolean {
  const stat = lstatSync(path);
  return stat.isCharacterDevice() && stat.rdev === 0;
}

describe("unpackLayer() makes", () => {
  test("unpackLayer() makes each type with owner, mode and time to the nanosecond", async () => {
    using scratch = new Scratch("unpack");
    const builder = tar()
      .directory("./", { mode: 0o750, uid: 3, gid: 4, mtime: 1000 })
      .pax({ mtime: "1500000000.123456789" })
      .directory("d", { mode: 0o3775, uid: 4_000_000 % 2097151, gid: 2 })
      .pax({ mtime: "-1.5", uid: "4294967294" })
      .file("d/f", "hello", { mode: 0o4711 })
      .pax({ mtime: "7.000000001" })
      .symlink("d/s", "../../anything", { uid: 5, gid: 6 })
      .pax({ mtime: "-1.5", uid: "4294967294" })
      .hardlink("d/h", "./d/f", { mode: 0o4711 })
      .header({ name: "d/p", flag: "6", mode: 0o622, uid: 1, mtime: 9 })
      .header({ name: "d/zero", flag: "3", major: 1, minor: 5, mode: 0o666, gid: 8, mtime: 10 })
      .header({ name: "d/disk", flag: "4", major: 259, minor: 300, mode: 0o660, mtime: 11 });
    await unpackAt(scratch.join("root"), builder.end());
    const facts = (name: string): unknown[] => {
      const stat = lstatSync(scratch.join("root", name), { bigint: true });
      return [stat.mode & 0o7777n, stat.uid, stat.gid, stat.mtimeNs].map(Number);
    };
    expect(facts(".")).toEqual([0o750, 3, 4, 1e12]);
    expect(facts("d").slice(0, 3)).toEqual([0o3775, 4_000_000 % 2097151, 2]);
    expect(lstatSync(scratch.join("root/d"), { bigint: true }).mtimeNs).toBe(1500000000123456789n);
    expect(facts("d/f")).toEqual([0o4711, 4294967294, 0, -1.5e9]);
    expect(facts("d/s")).toEqual([0o777, 5, 6, 7_000_000_001]);
    expect(facts("d/p")).toEqual([0o622, 1, 0, 9e9]);
    expect(facts("d/zero")).toEqual([0o666, 0, 8, 10e9]);
    expect(statSync(scratch.join("root/d/h")).ino).toBe(statSync(scratch.join("root/d/f")).ino);
    expect(readlinkSync(scratch.join("root/d/s"))).toBe("../../anything");
    expect(spawnSync("stat", ["-c", "%t:%T", scratch.join("root/d/disk")]).stdout.toString()).toBe(
      "103:12c\n",
    );
  });

  test("unpackLayer() applies a hard link's own mode, owner, time and attributes to the file", async () => {
    using scratch = new Scratch("unpack");
    const note = (value: string): Record<string, string> => ({ "SCHILY.xattr.user.note": value });
    const capability = "\u0001\0\0\u0002\0\u0004\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const archive = tar()
      .pax({ ...note("first"), "SCHILY.xattr.user.kept": "1" })
      .file("f", "hello", { mode: 0o644, uid: 1, gid: 2, mtime: 10 })
      .pax({ ...note("last"), mtime: "20.000000007" })
      .hardlink("h", "f", { mode: 0o6750, uid: 3, gid: 4 })
      .symlink("s", "/etc/passwd", { uid: 1, gid: 1, mtime: 10 })
      .hardlink("t", "s", { mode: 0o600, uid: 3, gid: 4, mtime: 20 })
      .header({ name: "zero", flag: "3", major: 1, minor: 5, mode: 0o600, mtime: 10 })
      .hardlink("nil", "zero", { mode: 0o666, uid: 3, gid: 4, mtime: 20 })
      .pax({ "SCHILY.xattr.security.capability": capability })
      .file("able", "", { mode: 0o755, mtime: 10 })
      .hardlink("able2", "able", { mode: 0o755, mtime: 10 })
      .end();
    await unpackAt(scratch.join("root"), archive);
    const facts = (name: string): number[] => {
      const stat = lstatSync(scratch.join("root", name), { bigint: true });
      return [stat.mode & 0o7777n, stat.uid, stat.gid, stat.mtimeNs, stat.nlink].map(Number);
    };
    for (const name of ["f", "h"]) expect(facts(name)).toEqual([0o6750, 3, 4, 20_000_000_007, 2]);
    expect(getXattr(scratch.join("root/f"), "user.note")).toBe("last");
    expect(getXattr(scratch.join("root/f"), "user.kept")).toBe("1");
    for (const name of ["s", "t"]) expect(facts(name)).toEqual([0o777, 3, 4, 10e9, 2]);
    for (const name of ["zero", "nil"]) expect(facts(name)).toEqual([0o666, 3, 4, 20e9, 2]);
    expect(facts("able")).toEqual([0o755, 0, 0, 10e9, 2]);
    expect(getXattr(scratch.join("root/able"), "security.capability")).toBe(capability);
  });

  test("unpackLayer() resolves dot-dot inside the root, in names and in targets of hard links", async () => {
    using scratch = new Scratch("unpack");
    const archive = tar()
      .file("a/../b/./x/../f", "1")
      .directory("./b/..", { mode: 0o711 })
      .hardlink("c/../h", "b/c/../../b/f")
      .symlink("l", "b")
      .file("l/../beside", "2")
      .end();
    for (const names of ["strict", "docker"] as const) {
      await unpackAt(scratch.join(names), archive, { names });
      expect(readdirSync(scratch.join(names)).toSorted()).toEqual(["b", "beside", "h", "l"]);
      expect(statSync(scratch.join(names)).mode & 0o7777).toBe(0o711);
      expect(text(scratch.join(names, "b/f"))).toBe("1");
      expect(statSync(scratch.join(names, "h")).ino).toBe(statSync(scratch.join(names, "b/f")).ino);
    }
  });

  test("unpackLayer() resolves hard links to the files that Docker's aufs driver kept for them", async () => {
    const archive = tar()
      .directory("./", { mode: 0o755, mtime: 5 })
      .file(".wh..wh.aufs")
      .directory(".wh..wh.plnk", { mode: 0o700 })
      .file(".wh..wh.plnk/100.2", "linked", { mode: 0o4755, uid: 3, gid: 4, mtime: 10 })
      .file(".wh..wh.plnk/100.3", "of nobody")
      .directory(".wh..wh.orph", { mode: 0o700 })
      .directory("bin")
      .hardlink("bin/one", ".wh..wh.plnk/100.2")
      .hardlink("two", "/.wh..wh.plnk/100.2")
      .hardlink("three", "two", { mode: 0o4755, uid: 3, gid: 4, mtime: 10 })
      // The source's metadata counts, not that of an entry that links it.
      .hardlink("four", ".wh..wh.plnk/100.2", { mode: 0o600, uid: 7, gid: 8, mtime: 20 })
      .end();
    for (const whiteouts of ["overlay", "aufs", "remove"] as const) {
      using scratch = new Scratch("unpack");
      await unpackAt(scratch.join("root"), archive, { names: "docker", whiteouts });
      expect(readdirSync(scratch.join("root")).toSorted()).toEqual(["bin", "four", "three", "two"]);
      for (const name of ["bin/one", "two", "three", "four"]) {
        const { mode, uid, gid, mtimeMs, nlink } = statSync(scratch.join("root", name));
        expect([mode & 0o7777, uid, gid, mtimeMs, nlink]).toEqual([0o4755, 3, 4, 10_000, 4]);
        expect(text(scratch.join("root", name))).toBe("linked");
      }
      expect(statSync(scratch.join("root")).mtimeMs).toBe(5000);
    }
    using scratch = new Scratch("unpack");
    const missing = tar().directory(".wh..wh.plnk").hardlink("one", ".wh..wh.plnk/1.1").end();
    expect((await failureAt(scratch.join("root"), missing)).kind).toBe("corrupt");
    const link = tar().symlink(".wh..wh.plnk/1.1", "/etc/passwd").hardlink("one", ".wh..wh.plnk/1.1").end();
    expect((await failureAt(scratch.join("root"), link)).kind).toBe("corrupt");
  });

  test("unpackLayer() makes missing parents as root's, mode 0755, whatever the umask", async () => {
    using scratch = new Scratch("unpack");
    const old = process.umask(0o077);
    try {
      await unpackAt(scratch.join("root"), tar().file("a/b/c", "x", { mode: 0o666 }).end());
    } finally {
      process.umask(old);
    }
    for (const path of ["a", "a/b"]) expect(lstatSync(scratch.join("root", path)).mode & 0o7777).toBe(0o755);
    expect(lstatSync(scratch.join("root/a/b/c")).mode & 0o7777).toBe(0o666);
  });

  test("unpackLayer() lets the later of two entries win, whatever they are", async () => {
    using scratch = new Scratch("unpack");
    const root = scratch.join("root");
    await unpackAt(
      root,
      tar().file("x", "1").directory("x").file("x/in").symlink("x", "y").file("x", "2").end(),
    );
    expect(text(scratch.join("root/x"))).toBe("2");
    const merged = tar()
      .directory("d", { mode: 0o700 })
      .file("d/kept")
      .directory("d", { mode: 0o711, mtime: 77 });
    await unpackAt(root, merged.directory("x").file("x/y/z", "3").file("x/y", "4").end());
    expect(existsSync(scratch.join("root/d/kept"))).toBe(true);
    expect(lstatSync(scratch.join("root/d")).mode & 0o7777).toBe(0o711);
    expect(lstatSync(scratch.join("root/d")).mtimeMs).toBe(77_000);
    expect(text(scratch.join("root/x/y"))).toBe("4");
  });

  test("unpackLayer() does not give a replaced directory's time to what replaced it", async () => {
    using scratch = new Scratch("unpack");
    const archive = tar()
      .directory("d", { mtime: 5 })
      .directory("d/e", { mtime: 6 })
      .file("d", "x", { mtime: 8 })
      .end();
    await unpackAt(scratch.join("root"), archive);
    expect(lstatSync(scratch.join("root/d")).mtimeMs).toBe(8000);
  });

  test("unpackLayer() keeps names with newlines, spaces and bytes that are no UTF-8", async () => {
    using scratch = new Scratch("unpack");
    const names = [
      Buffer.from("a\nb c"),
      Buffer.from([0x66, 0xff, 0xfe]),
      Buffer.from("日本語"),
      Buffer.from("\u001b[31m"),
    ];
    const builder = tar();
    for (const name of names) builder.header({ name });
    await unpackAt(scratch.join("root"), builder.end());
    const found = readdirSync(scratch.join("root"), { encoding: "buffer" }).map((name) => name as Buffer);
    const shown = (list: Buffer[]): string[] => list.map((name) => name.toString("hex")).sort();
    expect(shown(found)).toEqual(shown(names));
  });

  test("unpackLayer() writes sparse files with holes, also at the end", async () => {
    using scratch = new Scratch("unpack");
    const size = 1 << 30;
    const archive = tar()
      .pax({ "GNU.sparse.size": String(size), "GNU.sparse.map": `0,3,${size - 4096},2` })
      .file("s", "AAABB")
      .end();
    const result = await unpackAt(scratch.join("root"), archive);
    const stat = lstatSync(scratch.join("root/s"));
    expect(stat.size).toBe(size);
    expect(stat.blocks * 512).toBeLessThan(1 << 16);
    expect(result.bytes).toBe(8192);
  });

  test("unpackLayer() keeps default access lists from what is unpacked below them", async () => {
    using scratch = new Scratch("unpack");
    const id = "\uDCFF\uDCFF\uDCFF\uDCFF";
    const acl = `\u0002\0\0\0\u0001\0\u0007\0${id}\u0004\0\u0005\0${id}\u0010\0\u0005\0${id}\u0020\0\0\0${id}`;
    const archive = tar()
      .pax({ "SCHILY.xattr.system.posix_acl_default": acl })
      .directory("d")
      .file("d/f", "", { mode: 0o646 });
    await unpackAt(scratch.join("root"), archive.end());
    expect(lstatSync(scratch.join("root/d/f")).mode & 0o7777).toBe(0o646);
    expect(getXattr(scratch.join("root/d"), "system.posix_acl_default")?.length).toBe(36);
  });

  test("unpackLayer() resolves links inside the root under Docker's rules", async () => {
    using scratch = new Scratch("unpack");
    const archive = tar()
      .directory("usr/lib")
      .symlink("lib", "usr/lib")
      .file("lib/x", "1")
      .symlink("run", "/var/run")
      .file("run/y", "2")
      .file("/absolute", "3")
      .hardlink("/h", "/lib/x")
      .end();
    await unpackAt(scratch.join("root"), archive, { names: "docker" });
    expect(text(scratch.join("root/usr/lib/x"))).toBe("1");
    expect(text(scratch.join("root/var/run/y"))).toBe("2");
    expect(text(scratch.join("root/absolute"))).toBe("3");
    expect(text(scratch.join("root/h"))).toBe("1");
  });

  test("unpackLayer() leaves others their turn while it works", async () => {
    using scratch = new Scratch("unpack", memoryDirectory);
    const builder = tar();
    for (let at = 0; at < 5000; at++) builder.file(`d${at % 50}/f${at}`, "x");
    mkdirSync(scratch.join("root"));
    using into = openDirectoryPath(scratch.join("root"));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const started = performance.now();
    await unpackLayer(inChunks(builder.end(), 1 << 24), into.fd);
    clearInterval(timer);
    expect(turns).toBeGreaterThan((performance.now() - started) / 100);
  });

  test("unpackLayer() stops when it is told to", async () => {
    using scratch = new Scratch("unpack", memoryDirectory);
    const builder = tar();
    for (let at = 0; at < 5000; at++) builder.file(`f${at}`, "x");
    mkdirSync(scratch.join("root"));
    using into = openDirectoryPath(scratch.join("root"));
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(unpackLayer(inChunks(builder.end()), into.fd, { signal })).rejects.toThrow("enough");
  });
});

describe("unpackLayer() for overlay", () => {
  test("unpackLayer() marks what is gone and what is opaque", async () => {
    using scratch = new Scratch("unpack");
    await unpackAt(
      scratch.join("root"),
      tar().file("a/.wh.gone").directory("o").file("o/.wh..wh..opq").end(),
    );
    expect(isWhiteout(scratch.join("root/a/gone"))).toBe(true);
    expect(getXattr(scratch.join("root/o"), "trusted.overlay.opaque")).toBe("y");
    expect(readdirSync(scratch.join("root/o"))).toEqual([]);
    expect(readdirSync(scratch.join("root/a"))).toEqual(["gone"]);
  });

  test("unpackLayer() tells when a layer hides everything below it", async () => {
    using scratch = new Scratch("unpack");
    const opaque = await unpackAt(scratch.join("one"), tar().file(".wh..wh..opq").end());
    const plain = await unpackAt(scratch.join("two"), tar().file("a/.wh..wh..opq").end());
    expect([opaque.isRootOpaque, plain.isRootOpaque]).toEqual([true, false]);
  });

  test("unpackLayer() lets whiteouts hide lower layers only, in either order", async () => {
    using scratch = new Scratch("unpack");
    const archive = tar()
      .file("f1", "1")
      .file(".wh.f1")
      .file(".wh.f2")
      .file("f2", "2")
      .directory("d1")
      .file("d1/x")
      .file(".wh.d1")
      .file(".wh.d2")
      .directory("d2")
      .file(".wh.d3")
      .file("d3/x")
      .end();
    await unpackAt(scratch.join("root"), archive);
    expect([text(scratch.join("root/f1")), text(scratch.join("root/f2"))]).toEqual(["1", "2"]);
    for (const name of ["d1", "d2", "d3"]) {
      expect(getXattr(scratch.join("root", name), "trusted.overlay.opaque")).toBe("y");
    }
    expect(existsSync(scratch.join("root/d1/x")) && existsSync(scratch.join("root/d3/x"))).toBe(true);
  });

  test("unpackLayer() ignores the bookkeeping of aufs", async () => {
    using scratch = new Scratch("unpack");
    await unpackAt(
      scratch.join("root"),
      tar().directory(".wh..wh.plnk").file(".wh..wh.plnk/1.2").file(".wh..wh.aufs").end(),
    );
    expect(readdirSync(scratch.join("root"))).toEqual([]);
  });
});

describe("unpackLayer() into a full tree", () => {
  async function onLower(scratch: Scratch, layer: TarBuilder): Promise<string[]> {
    const lower = tar()
      .file("a/x", "1")
      .file("a/y", "2")
      .file("a/sub/z", "3")
      .symlink("bin", "a")
      .file("f", "4");
    await unpackAt(scratch.join("root"), lower.end());
    await unpackAt(scratch.join("root"), layer.end(), { whiteouts: "remove" });
    const found = spawnSync("find", [".", "-mindepth", "1", "-printf", "%P\\n"], {
      cwd: scratch.join("root"),
    });
    return found.stdout.toString().trim().split("\n").sort();
  }

  test("unpackLayer() carries deletions out", async () => {
    using scratch = new Scratch("unpack");
    expect(
      await onLower(scratch, tar().file("a/.wh.x").file("a/.wh.sub").file(".wh.absent").file("no/.wh.x")),
    ).toEqual(["a", "a/y", "bin", "f"]);
  });

  test("unpackLayer() empties an opaque directory of what is not the layer's own", async () => {
    using scratch = new Scratch("unpack");
    const layer = tar()
      .file("a/new", "n")
      .directory("a/sub")
      .file("a/sub/mine")
      .file("a/.wh..wh..opq")
      .file("a/late");
    expect(await onLower(scratch, layer)).toEqual([
      "a",
      "a/late",
      "a/new",
      "a/sub",
      "a/sub/mine",
      "bin",
      "f",
    ]);
  });

  test("unpackLayer() is not slowed down by thousands of opaque marks", async () => {
    using scratch = new Scratch("unpack", memoryDirectory);
    const layer = tar();
    for (let at = 0; at < 1500; at++) layer.file(`a/own${at}`);
    for (let at = 0; at < 3000; at++) layer.file("a/.wh..wh..opq");
    const started = performance.now();
    expect((await onLower(scratch, layer)).length).toBe(1503);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("unpackLayer() keeps what the layer itself brings beside its whiteout", async () => {
    using scratch = new Scratch("unpack");
    const layer = tar().directory("a").file("a/x", "new").file(".wh.a").file(".wh.f").file("f", "new");
    expect(await onLower(scratch, layer)).toEqual(["a", "a/x", "bin", "f"]);
    expect(text(scratch.join("root/f"))).toBe("new");
  });

  test("unpackLayer() replaces lower files, links and directories as overlay would show it", async () => {
    using scratch = new Scratch("unpack");
    expect(await onLower(scratch, tar().file("bin/tool").file("a", "now a file").directory("f"))).toEqual([
      "a",
      "bin",
      "bin/tool",
      "f",
    ]);
    expect(lstatSync(scratch.join("root/bin")).isDirectory()).toBe(true);
  });

  test("unpackLayer() fills a directory that a lower link leads to, under Docker's rules", async () => {
    using scratch = new Scratch("unpack");
    await onLower(scratch, tar());
    await unpackAt(scratch.join("root"), tar().file("bin/tool").end(), {
      whiteouts: "remove",
      names: "docker",
    });
    expect(existsSync(scratch.join("root/a/tool"))).toBe(true);
  });
});

describe("unpackLayer() of what is no layer", () => {
  test("unpackLayer() takes names with .wh. as they are", async () => {
    using scratch = new Scratch("unpack");
    const root = scratch.join("root");
    await unpackAt(root, tar().file("kept", "1").end(), { whiteouts: "plain" });
    const archive = tar()
      .file(".wh.kept", "2")
      .directory(".wh..wh..opq")
      .file(".wh..wh..opq/x")
      .file(".wh.", "3");
    await unpackAt(root, archive.end(), { whiteouts: "plain" });
    expect(readdirSync(root).sort()).toEqual([".wh.", ".wh..wh..opq", ".wh.kept", "kept"]);
    expect(text(scratch.join("root/.wh.kept"))).toBe("2");
    expect((await failureAt(root, tar().file("kept/x").end(), { whiteouts: "plain" })).message).toContain(
      "is a file",
    );
  });
});

describe("unpackLayer() and other programs", () => {
  test("unpackLayer() makes the same tree as GNU tar and Python from what they write", async () => {
    using scratch = new Scratch("unpack");
    const source = scratch.join("source");
    mkdirSync(source);
    const script = `
      cd "$1"; mkdir -p d/e; echo hello > d/f; ln d/f d/hard; ln -s ../f d/soft; ln -s $(printf 'l%.0s' $(seq 300)) longlink
      mkfifo p; mknod c c 1 3; mknod b b 8 1; chmod 4755 d/f; chmod 1777 d/e; chown 1000:70000 d/f; chown -h 5:6 d/soft
      long=$(printf 'n%.0s' $(seq 200)); mkdir -p $long/$long; echo deep > $long/$long/$long; touch -d @1.25 d/e; touch -d @-5 p
      truncate -s 5M holes; printf x | dd of=holes bs=1 seek=3000000 conv=notrunc 2>/dev/null; echo data > "sp ace"; touch empty
      touch "$(printf 'bad\\377name')" "$(printf 'new\\nline')" ünï; setfattr -n user.a -v b d/f 2>/dev/null; exit 0`;
    expect(spawnSync("bash", ["-c", script, "bash", source]).status).toBe(0);
    const formats: [string, string[], boolean][] = [
      ["gnu", ["tar", "--format=gnu", "-cf", "A", "-C", source, "."], false],
      ["gnu sparse", ["tar", "--format=gnu", "-S", "-cf", "A", "-C", source, "."], false],
      ["pax", ["tar", "--format=pax", "--xattrs", "-cf", "A", "-C", source, "."], true],
      [
        "pax sparse 0.0",
        ["tar", "--format=pax", "-S", "--sparse-version=0.0", "-cf", "A", "-C", source, "."],
        true,
      ],
      [
        "pax sparse 0.1",
        ["tar", "--format=pax", "-S", "--sparse-version=0.1", "-cf", "A", "-C", source, "."],
        true,
      ],
      [
        "pax sparse 1.0",
        ["tar", "--format=pax", "-S", "--sparse-version=1.0", "-cf", "A", "-C", source, "."],
        true,
      ],
      [
        "python pax",
        [
          "python3",
          "-c",
          "import sys,tarfile; t=tarfile.open(sys.argv[1],'w',format=tarfile.PAX_FORMAT); t.add(sys.argv[2],'.'); t.close()",
          "A",
          source,
        ],
        false,
      ],
      [
        "python gnu",
        [
          "python3",
          "-c",
          "import sys,tarfile; t=tarfile.open(sys.argv[1],'w',format=tarfile.GNU_FORMAT); t.add(sys.argv[2],'.'); t.close()",
          "A",
          source,
        ],
        false,
      ],
    ];
    for (const [format, command, times] of formats) {
      const archive = scratch.join("archive.tar");
      const made = spawnSync(
        command[0] as string,
        command.slice(1).map((part) => (part === "A" ? archive : part)),
      );
      expect([format, made.status, made.stderr.toString()]).toEqual([format, 0, ""]);
      const out = scratch.join(`out ${format}`);
      await unpackAt(out, readFileSync(archive));
      expect(describeTree(out, { times })).toEqual(describeTree(source, { times }));
    }
  });

  test("unpackLayer() refuses what no file system can hold without leaving the daemon a mess", async () => {
    using scratch = new Scratch("unpack");
    writeFileSync(scratch.join("image"), "");
    spawnSync("truncate", ["-s", "4M", scratch.join("image")]);
    spawnSync("mkfs.ext4", ["-q", scratch.join("image")]);
    mkdirSync(scratch.join("mnt"));
    if (spawnSync("mount", ["-o", "loop", scratch.join("image"), scratch.join("mnt")]).status !== 0) {
      throw new Error("this test needs loop mounts");
    }
    try {
      const big = tar()
        .file("big", "x".repeat(6 << 20))
        .end();
      const failure = await failureAt(scratch.join("mnt"), big);
      expect(failure.kind).toBe("exhausted");
      expect(failure.message).toStartWith('cannot unpack "big": pwrite64(');
    } finally {
      spawnSync("umount", [scratch.join("mnt")]);
    }
  });
});

let descriptors: string[] = [];
beforeAll(() => {
  descriptors = openDescriptors();
});
afterAll(() => {
  expect(openDescriptors()).toEqual(descriptors);
});
