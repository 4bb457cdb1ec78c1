/** That an image of a layer shows what unpacking the layer shows, and refuses what unpacking refuses. */
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { Failure } from "../../src/base/failure.ts";
import { type ErofsWay, findErofsWay, mountErofs } from "../../src/linux/erofs/erofs-mount.ts";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { type LayerImage, layerTarOffset, writeLayerImage } from "../../src/linux/erofs/layer-image.ts";
import { findXattr, listXattrs } from "../../src/linux/files/xattr.ts";
import { memoryDirectory, Scratch } from "../support/scratch.ts";
import { inChunks, TarBuilder } from "../support/tar-builder.ts";
import { makeTar, setXattr } from "../support/tar-of-files.ts";
import { describeTree, unpackAt } from "../support/unpack.ts";

type Names = "strict" | "docker";

async function writeImage(
  path: string,
  tar: Uint8Array,
  { names = "strict", pieceBytes = 7919 }: { readonly names?: Names; readonly pieceBytes?: number } = {},
): Promise<LayerImage> {
  const file = openSync(path, "wx+", 0o600);
  try {
    return await writeLayerImage(inChunks(tar, pieceBytes), file, { names });
  } finally {
    closeSync(file);
  }
}

function mountImage(path: string, way?: ErofsWay): OwnedFd {
  const file = openSync(path, "r");
  try {
    return mountErofs(file, way ?? findErofsWay(file).way);
  } finally {
    closeSync(file);
  }
}

const inside = (mount: OwnedFd): string => `/proc/self/fd/${mount.fd}/.`;

/** Attributes of files and directories, overlay's marks among them. */
function attributesOf(directory: string): string[] {
  const lines: string[] = [];
  const visit = (path: string): void => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !(stat.isFile() || stat.isDirectory())) return;
    const fd = openSync(path, "r");
    for (const name of listXattrs(fd)) {
      lines.push(
        `${path.slice(directory.length)} ${name} ${Buffer.from(findXattr(fd, name) ?? []).toString("hex")}`,
      );
    }
    closeSync(fd);
    if (stat.isDirectory()) {
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        if (entry.isFile() || entry.isDirectory()) visit(`${path}/${entry.name}`);
      }
    }
  };
  visit(directory);
  return lines.toSorted();
}

/** Both ways; what each shows, or that it refuses. */
async function compare(
  scratch: Scratch,
  tar: Uint8Array,
  { names = "strict", times = false }: { readonly names?: Names; readonly times?: boolean } = {},
): Promise<"shown" | "refused"> {
  const name = String(scratchNumber++);
  const tree = scratch.join(`${name}.tree`);
  const image = scratch.join(`${name}.image`);
  const unpacked = await unpackAt(tree, tar, { names }).catch(failureOf);
  const written = await writeImage(image, tar, { names }).catch(failureOf);
  if (unpacked instanceof Failure || written instanceof Failure) {
    expect(written instanceof Failure ? written.kind : "shown").toBe(
      unpacked instanceof Failure ? unpacked.kind : "shown",
    );
    return "refused";
  }
  const { entries, bytes, isRootOpaque } = written;
  expect({ entries, bytes, isRootOpaque }).toEqual({
    entries: unpacked.entries,
    bytes: unpacked.bytes,
    isRootOpaque: unpacked.isRootOpaque,
  });
  using mount = mountImage(image);
  expect(describeTree(inside(mount), { times }).slice(1)).toEqual(describeTree(tree, { times }).slice(1));
  expect(attributesOf(inside(mount))).toEqual(attributesOf(tree));
  expect(
    readFileSync(image)
      .subarray(layerTarOffset, layerTarOffset + tar.length)
      .equals(tar),
  ).toBe(true);
  return "shown";
}

let scratchNumber = 0;

function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  throw thrown;
}

describe("writeLayerImage()", () => {
  test("shows what unpackLayer() shows of a tree that has everything", async () => {
    using scratch = new Scratch("image", memoryDirectory);
    const tar = makeTar((root) => {
      mkdirSync(`${root}/etc/deep/er`, { recursive: true });
      for (let index = 0; index < 300; index++)
        writeFileSync(`${root}/etc/deep/${"n".repeat(index % 90)}${index}`, String(index));
      for (const bytes of [0, 1, 511, 512, 513, 4095, 4096, 4097, 300_000])
        writeFileSync(`${root}/etc/b${bytes}`, Buffer.alloc(bytes, bytes));
      execFileSync("ln", [`${root}/etc/b513`, `${root}/twin`]);
      for (const length of [1, 100, 440, 460, 600, 4000])
        symlinkSync("t".repeat(length), `${root}/link${length}`);
      execFileSync("mknod", [`${root}/device`, "b", "7", "300"]);
      execFileSync("mkfifo", [`${root}/fifo`]);
      execFileSync("chown", ["70000:80000", `${root}/etc/b1`]);
      execFileSync("chmod", ["6751", `${root}/etc/b1`]);
      execFileSync("chmod", ["1777", `${root}/etc/deep`]);
      setXattr(`${root}/etc/b511`, "user.note", "hello");
      setXattr(`${root}/etc`, "user.long", "x".repeat(3000));
      setXattr(`${root}/etc/b512`, "security.capability", "0sAQAAAgAEAAAAAAAAAAAAAAAAAAA=");
      for (const name of ["ü", "字", " ", "a\nb"]) writeFileSync(`${root}/${name}`, name);
      execFileSync("touch", ["-h", "-d", "1969-12-31T00:00:00.000000001Z", `${root}/link1`]);
      execFileSync("touch", ["-d", "2601-02-03T04:05:06.123456789Z", `${root}/fifo`]);
    });
    expect(await compare(scratch, tar, { times: true })).toBe("shown");
  });

  test("shows sparse files, also those whose pieces lie on no block", async () => {
    using scratch = new Scratch("image", memoryDirectory);
    const tar = makeTar(
      (root) => {
        const file = openSync(`${root}/holes`, "w");
        ftruncateSync(file, 40 << 20);
        closeSync(file);
        execFileSync("sh", [
          "-c",
          `printf middle | dd of=${root}/holes bs=1 seek=20971777 conv=notrunc status=none`,
        ]);
        execFileSync("truncate", ["-s", "3000001", `${root}/hollow`]);
      },
      ["--sparse"],
    );
    expect(await compare(scratch, tar, { times: true })).toBe("shown");
    // SPEC: PAX sparse files, format 0.1: pieces anywhere, stored without gaps.
    const odd = new TarBuilder()
      .pax({
        "GNU.sparse.size": "5000",
        "GNU.sparse.numblocks": "4",
        "GNU.sparse.map": "1,3,510,5,1030,600,4990,2",
      })
      .file("odd", `abcdefgh${"i".repeat(600)}jk`)
      .end();
    expect(await compare(scratch, odd)).toBe("shown");
  });

  test("is no image when a file has too many pieces for the index, and has the tar all the same", async () => {
    using scratch = new Scratch("image", memoryDirectory);
    const tar = new TarBuilder()
      .pax({ "GNU.sparse.size": String(2 ** 40), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "4096,3" })
      .file("vast", "abc")
      .end();
    const { isImage, tarBytes } = await writeImage(scratch.join("image"), tar);
    expect([isImage, tarBytes]).toEqual([false, tar.length]);
    expect(
      readFileSync(scratch.join("image"))
        .subarray(layerTarOffset, layerTarOffset + tarBytes)
        .equals(tar),
    ).toBe(true);
  });

  test("reads through a loop device what it reads from the file", async () => {
    using scratch = new Scratch("image");
    const tar = makeTar((root) => writeFileSync(`${root}/file`, "content"));
    await writeImage(scratch.join("image"), tar);
    using looped = mountImage(scratch.join("image"), "loop");
    expect(readFileSync(`${inside(looped)}/file`, "utf8")).toBe("content");
    expect(() => writeFileSync(`${inside(looped)}/new`, "")).toThrow("EROFS");
  });

  test("is mounted through a loop device where the kernel does not read files itself", async () => {
    using scratch = new Scratch("image");
    await writeImage(scratch.join("image"), new TarBuilder().file("file", "content").end());
    process.env["TARE_WITHOUT"] = "erofs-file";
    try {
      const file = openSync(scratch.join("image"), "r");
      expect(findErofsWay(file)).toMatchObject({ way: "loop", reason: expect.any(String) });
      closeSync(file);
    } finally {
      delete process.env["TARE_WITHOUT"];
    }
  });

  const names = fc
    .array(
      fc.constantFrom("a", "b", "l", "..", ".", "", ".wh.a", ".wh.l", ".wh..wh..opq", "c", ".wh..wh.plnk"),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((parts) => parts.join("/"));
  const entry = fc.record({
    name: names,
    flag: fc.constantFrom("0", "0", "1", "2", "3", "5", "5", "6"),
    link: fc.constantFrom(
      "a",
      "b",
      "l",
      "a/b",
      "..",
      "../a",
      "b/../a",
      "/",
      ".",
      "/a/b",
      "l/a",
      "c",
      ".wh..wh.plnk/a",
    ),
    mode: fc.constantFrom(0o777, 0o4755),
    uid: fc.constantFrom(0, 70_000),
    content: fc.constantFrom("", "1", "22"),
  });

  const plain = (name: string, flag: string) => ({ name, flag, link: "a", mode: 0o777, uid: 0, content: "" });

  test("of random archives, hostile ones among them, shows or refuses what unpackLayer() shows or refuses", async () => {
    using scratch = new Scratch("image", memoryDirectory);
    const counts = { shown: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { minLength: 1, maxLength: 9 }),
        fc.constantFrom<Names>("strict", "docker"),
        async (entries, rules) => {
          const builder = new TarBuilder();
          for (const { name, flag, link, mode, uid, content } of entries) {
            const size = flag === "0" ? content.length : 0;
            builder.header({ name, flag, link, mode, uid, size, major: 1, minor: 3 });
            if (size > 0) builder.raw(content);
          }
          counts[await compare(scratch, builder.end(), { names: rules })]++;
        },
      ),
      {
        numRuns: 1500,
        examples: (["strict", "docker"] as const).flatMap((rules) => [
          // A file, a whiteout beside it, a directory in the file's place: nothing of lower layers comes back in it.
          [[plain("a", "0"), plain(".wh.a", "0"), plain("a", "5")], rules],
          // A file that only hard links name, as old layers of aufs have it; the last entry of a file counts.
          [
            [
              plain(".wh..wh.plnk/a", "0"),
              { ...plain("b", "1"), link: ".wh..wh.plnk/a" },
              { ...plain("c", "1"), link: "b", mode: 0o4755, uid: 70_000 },
            ],
            rules,
          ],
          // A symbolic link to where those files lie, and a file that makes a directory there.
          [[{ ...plain("a", "2"), link: ".wh..wh.plnk/a" }, plain("a/a", "0"), plain("a", "0")], rules],
          // A link to where it lies itself, which a file below it replaces.
          [[{ ...plain("l", "2"), link: ".." }, plain("l/l", "0")], rules],
        ]),
      },
    );
    expect(counts.shown).toBeGreaterThan(100);
    expect(counts.refused).toBeGreaterThan(100);
  });
});
