import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import fc from "fast-check";
import { encodeBytes } from "../../src/spec/byte-text.ts";
import { encodeTarEnd, encodeTarMember, type TarMember, tarPadding } from "../../src/spec/tar-writer.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { packTree } from "../../src/linux/tree/tree.ts";
import type { PackOptions } from "../../src/linux/tree/pack-options.ts";
import { Scratch } from "../support/scratch.ts";
import { readTar, TarBuilder } from "../support/tar-builder.ts";
import { describeTree, openDescriptors, unpackAt } from "../support/unpack.ts";

async function packAt(directory: string, options: PackOptions = {}): Promise<Uint8Array> {
  using root = openDirectoryPath(directory);
  return Buffer.concat(await Array.fromAsync(packTree(root.fd, options)));
}

/** All but the root itself, whose own metadata is no part of an archive. */
const inside = (directory: string): string[] => describeTree(directory).slice(1);

/** Python sets no times of symbolic links. */
const timeless = (lines: string[], isPython: boolean): string[] =>
  isPython ? lines.map((line) => line.replace(/( 120000 777 \S+) \S+/, "$1")) : lines;

const name = fc.oneof(
  fc.constantFrom("a", "b", "c d", "ü", "bad\udcff", "new\nline", "x".repeat(120), "-rf", "..."),
  fc.stringMatching(/^[a-z]{1,6}$/),
);
const member = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")),
  kind: fc.constantFrom("file", "directory", "symlink", "fifo", "character", "hardlink"),
  contents: fc.uint8Array({ maxLength: 1500 }),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.constant(2 ** 32 - 2)),
  seconds: fc.integer({ min: -(2 ** 31), max: 2 ** 33 }),
  nanoseconds: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
  xattr: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { nil: undefined }),
});

/** An archive that unpacks: nothing lies below what is no directory, hard links name earlier files. */
function archiveOf(members: (typeof member extends fc.Arbitrary<infer M> ? M : never)[]): Uint8Array {
  const kinds = new Map<string, string>();
  const parts: Uint8Array[] = [];
  for (const { path, kind, contents, mode, uid, seconds, nanoseconds, xattr } of members) {
    const components = path.split("/");
    const above = components.slice(0, -1).map((_, at) => components.slice(0, at + 1).join("/"));
    if (kinds.has(path) || above.some((parent) => (kinds.get(parent) ?? "directory") !== "directory"))
      continue;
    const target = [...kinds].find(([, found]) => found === "file")?.[0];
    if (kind === "hardlink" && target === undefined) continue;
    for (const parent of above) kinds.set(parent, "directory");
    kinds.set(path, kind === "hardlink" ? "linked" : kind);
    const made: TarMember = {
      path,
      type: kind,
      mode: kind === "symlink" ? 0o777 : mode,
      uid,
      gid: uid % 1000,
      mtime: { seconds, nanoseconds },
      size: kind === "file" ? contents.length : 0,
      linkName: kind === "hardlink" ? (target ?? "") : kind === "symlink" ? "to/somewhere" : "",
      major: 5,
      minor: 300,
      xattrs:
        xattr !== undefined && (kind === "file" || kind === "directory")
          ? new Map([["user.x", xattr]])
          : new Map(),
    };
    parts.push(encodeTarMember(made));
    if (kind === "file") parts.push(contents, new Uint8Array(tarPadding(contents.length)));
  }
  return Buffer.concat([...parts, encodeTarEnd()]);
}

describe("packTree()", () => {
  test("packTree() and unpackLayer() give back the same tree, and the same bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(member, { maxLength: 12 }), async (members) => {
        using scratch = new Scratch("pack");
        await unpackAt(scratch.join("one"), archiveOf(members));
        const packed = await packAt(scratch.join("one"));
        await unpackAt(scratch.join("two"), packed);
        expect(inside(scratch.join("two"))).toEqual(inside(scratch.join("one")));
        expect(Buffer.compare(await packAt(scratch.join("two")), packed)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test("packTree() writes what GNU tar and Python unpack to the same tree", async () => {
    using scratch = new Scratch("pack");
    const archive = new TarBuilder()
      .file("d/f", "hello\n", { mode: 0o4755, uid: 1000, gid: 7, mtime: 5 })
      .hardlink("d/hard", "d/f")
      .symlink("d/soft", "../x".repeat(40), { mtime: 6 })
      .pax({ path: `${"long/".repeat(60)}name`, mtime: "3" })
      .file("x", "deep", { mode: 0o600 })
      .pax({ path: "ünï/cödé" })
      .directory("x", { mtime: 8 })
      .header({ name: "bad\udcffname", mtime: 2 })
      .header({ name: "fifo", flag: "6", mtime: 4, mode: 0o640 })
      .end();
    await unpackAt(scratch.join("one"), archive);
    const plain = scratch.join("plain.tar");
    const sparse = scratch.join("sparse.tar");
    spawnSync("truncate", ["-s", "3M", scratch.join("one/holes")]);
    spawnSync("bash", ["-c", `printf x | dd of=${scratch.join("one/holes")} bs=1 seek=2000000 conv=notrunc`]);
    spawnSync("bash", ["-c", `find ${scratch.join("one")} -exec touch -h -d @99 {} +`]);
    writeFileSync(plain, await packAt(scratch.join("one")));
    const sparseArchive = await packAt(scratch.join("one"), { sparse: true });
    writeFileSync(sparse, sparseArchive);
    expect(sparseArchive.length).toBeLessThan(100_000);
    const python =
      "import sys,tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], numeric_owner=True, filter='fully_trusted')";
    for (const [out, command] of Object.entries({
      gnu: ["tar", "--same-owner", "-pxf", plain, "-C", scratch.join("gnu")],
      "gnu-sparse": ["tar", "--same-owner", "-pxf", sparse, "-C", scratch.join("gnu-sparse")],
      python: ["python3", "-c", python, plain, scratch.join("python")],
      "python-sparse": ["python3", "-c", python, sparse, scratch.join("python-sparse")],
    })) {
      mkdirSync(scratch.join(out));
      const run = spawnSync(command[0] as string, command.slice(1));
      expect([out, run.status, run.stderr.toString()]).toEqual([out, 0, ""]);
      const isPython = out.startsWith("python");
      expect(timeless(inside(scratch.join(out)), isPython)).toEqual(
        timeless(inside(scratch.join("one")), isPython),
      );
    }
  });

  test("packTree() turns overlay's marks into whiteout entries, and back", async () => {
    using scratch = new Scratch("pack");
    const layer = new TarBuilder()
      .file("a/.wh.gone")
      .directory("o")
      .file("o/.wh..wh..opq")
      .file("o/f", "x")
      .end();
    await unpackAt(scratch.join("upper"), layer);
    const packed = await packAt(scratch.join("upper"), { whiteouts: "overlay" });
    expect(readTar(packed).map(({ entry }) => entry.path)).toEqual([
      "a/",
      "a/.wh.gone",
      "o/",
      "o/.wh..wh..opq",
      "o/f",
    ]);
    await unpackAt(scratch.join("again"), packed);
    expect(Buffer.compare(await packAt(scratch.join("again"), { whiteouts: "overlay" }), packed)).toBe(0);
  });

  test("packTree() names a file that would become a deletion in a layer, and packs it elsewhere", async () => {
    using scratch = new Scratch("pack");
    mkdirSync(scratch.join("a/b"), { recursive: true });
    for (const path of ["a/b/.wh.forged", "a/b/.wh..wh..opq"]) {
      writeFileSync(scratch.join(path), "");
      await expect(packAt(scratch.path, { whiteouts: "overlay" })).rejects.toMatchObject({
        kind: "invalid",
        message: `cannot archive "${path}": a name that begins with ".wh." means a deletion in an image's layer; rename it or remove it`,
      });
      const packed = readTar(await packAt(scratch.path));
      expect(packed.map(({ entry }) => entry.path)).toEqual(["a/", "a/b/", path]);
      rmSync(scratch.join(path));
    }
  });

  test("packTree() makes one hard link of two names of a symbolic link, fifo or device", async () => {
    using scratch = new Scratch("pack");
    mkdirSync(scratch.join("in"));
    symlinkSync("nowhere", scratch.join("in/a"));
    spawnSync("mkfifo", [scratch.join("in/c")]);
    linkSync(scratch.join("in/a"), scratch.join("in/b"));
    linkSync(scratch.join("in/c"), scratch.join("in/d"));
    const packed = await packAt(scratch.join("in"));
    expect(readTar(packed).map(({ entry }) => `${entry.path} ${entry.type} ${entry.linkName}`)).toEqual([
      "a symlink nowhere",
      "b hardlink a",
      "c fifo ",
      "d hardlink c",
    ]);
    await unpackAt(scratch.join("out"), packed);
    expect(inside(scratch.join("out"))).toEqual(inside(scratch.join("in")));
    const inode = (name: string): number => lstatSync(scratch.join("out", name)).ino;
    expect([inode("a"), inode("c")]).toEqual([inode("b"), inode("d")]);
    mkdirSync(scratch.join("gnu"));
    expect(spawnSync("tar", ["-xf", "-", "-C", scratch.join("gnu")], { input: packed }).status).toBe(0);
    expect(lstatSync(scratch.join("gnu/a")).ino).toBe(lstatSync(scratch.join("gnu/b")).ino);
  });

  test("packTree() opens no fifo or device, follows no link, leaves out sockets", async () => {
    using scratch = new Scratch("pack");
    mkdirSync(scratch.join("outside"));
    writeFileSync(scratch.join("outside/secret"), "secret");
    mkdirSync(scratch.join("root"));
    symlinkSync(scratch.join("outside"), scratch.join("root/link"));
    spawnSync("mkfifo", [scratch.join("root/fifo")]);
    spawnSync("mknod", [scratch.join("root/tape"), "c", "9", "0"]);
    spawnSync("python3", [
      "-c",
      "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
      scratch.join("root/sock"),
    ]);
    const packed = await packAt(scratch.join("root"));
    expect(readTar(packed).map(({ entry }) => [entry.path, entry.type])).toEqual([
      ["fifo", "fifo"],
      ["link", "symlink"],
      ["tape", "character"],
    ]);
    expect(Buffer.from(packed).includes("secret")).toBe(false);
  });

  test("packTree() writes the holes of files as zeros, wherever they lie", () => {
    const block = 64 * 1024;
    return fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(40), { maxLength: 8 }),
        fc.nat(42 * block),
        async (blocks, size) => {
          using scratch = new Scratch("pack");
          const path = scratch.join("f");
          const file = openSync(path, "w");
          for (const at of blocks) writeSync(file, Buffer.alloc(1 + at * 1000, at + 1), 0, null, at * block);
          closeSync(file);
          truncateSync(path, size);
          writeFileSync(scratch.join("g"), "behind");
          const [first, second] = readTar(await packAt(scratch.path));
          expect(Buffer.compare(first?.contents ?? Buffer.of(), readFileSync(path))).toBe(0);
          expect(Buffer.from(second?.contents ?? Buffer.of()).toString()).toBe("behind");
        },
      ),
      { numRuns: 40 },
    );
  });

  test("packTree() ends within a file when its signal is aborted", async () => {
    using scratch = new Scratch("pack");
    writeFileSync(scratch.join("endless"), "");
    truncateSync(scratch.join("endless"), 2 ** 42);
    using root = openDirectoryPath(scratch.path);
    const canceling = new AbortController();
    let bytes = 0;
    const packing = async (): Promise<void> => {
      for await (const chunk of packTree(root.fd, { signal: canceling.signal })) {
        bytes += chunk.length;
        canceling.abort(new Error("enough"));
        if (bytes > 2 ** 33) return; // far behind the abort
      }
    };
    await expect(packing()).rejects.toThrow("enough");
  });

  test("packTree() packs a tree deeper than any path", async () => {
    using scratch = new Scratch("pack");
    const script =
      "import os,sys\nos.chdir(sys.argv[1])\nfor i in range(3000): os.mkdir('d'); os.chdir('d')\nopen('f','w').close()";
    expect(spawnSync("python3", ["-c", script, scratch.path]).status).toBe(0);
    const members = readTar(await packAt(scratch.path));
    expect(members.length).toBe(3001);
    expect(encodeBytes(members.at(-1)?.entry.path ?? "").length).toBe(6001);
    spawnSync("rm", ["-rf", scratch.join("d")]);
  });
});

let descriptors: string[] = [];
beforeAll(() => {
  descriptors = openDescriptors();
});
afterAll(() => {
  expect(openDescriptors()).toEqual(descriptors);
});
