import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { listUpperChanges, measureTree, packTree } from "../../src/linux/tree/tree.ts";
import { TarReader } from "../../src/spec/tar.ts";
import { showAufs } from "../support/aufs-rules.ts";
import { layerItem, layerOf } from "../support/random-layer.ts";
import { memoryDirectory, Scratch } from "../support/scratch.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { describeTree, failureAt, openDescriptors, unpackAt } from "../support/unpack.ts";

const tar = (): TarBuilder => new TarBuilder();

function namesIn(archive: Uint8Array): string[] {
  const reader = new TarReader();
  return [...reader.push(archive)].flatMap((event) => (event.kind === "entry" ? [event.entry.path] : []));
}

/** Path → what find(1) would say of it. */
function filesIn(directory: string): Record<string, string> {
  const facts: Record<string, string> = {};
  const visit = (below: string): void => {
    for (const name of readdirSync(`${directory}/${below}`).toSorted()) {
      const path = `${below}${name}`;
      const stat = lstatSync(`${directory}/${path}`);
      if (stat.isDirectory()) facts[path] = "directory";
      else facts[path] = `${(stat.mode & 0o7777).toString(8)} ${stat.uid} ${stat.size} bytes`;
      if (stat.isDirectory()) visit(`${path}/`);
    }
  };
  visit("");
  return facts;
}

describe("a layer in the form of aufs", () => {
  test("deletions are empty files that nobody may write, beside what the layer has", async () => {
    using scratch = new Scratch("aufs");
    const { isRootOpaque } = await unpackAt(
      scratch.path,
      tar()
        .directory("dir")
        .file("dir/.wh..wh..opq", "what a builder put in", { uid: 7 })
        .file("dir/new", "1")
        .file("deep/.wh.gone", "ignored", { mode: 0o777, uid: 7 })
        .end(),
      { whiteouts: "aufs" },
    );
    expect(isRootOpaque).toBe(false);
    expect(filesIn(scratch.path)).toEqual({
      deep: "directory",
      "deep/.wh.gone": "444 0 0 bytes",
      dir: "directory",
      "dir/.wh..wh..opq": "444 0 0 bytes",
      "dir/new": "644 0 1 bytes",
    });
  });

  test("a whiteout never hides what its own layer has, whichever comes first", async () => {
    using scratch = new Scratch("aufs");
    const archive = tar()
      .file(".wh.file")
      .file("file", "mine")
      .file(".wh.dir")
      .file("dir/in", "mine")
      .file(".wh.made")
      .directory("made")
      .file("later", "mine")
      .file(".wh.later")
      .directory("kept")
      .file(".wh.kept")
      .file(".wh.link")
      .symlink("link", "file")
      .file(".wh.twice")
      .file(".wh.twice")
      .end();
    await unpackAt(scratch.path, archive, { whiteouts: "aufs" });
    expect(Object.keys(filesIn(scratch.path))).toEqual([
      ".wh.twice",
      "dir",
      "dir/.wh..wh..opq",
      "dir/in",
      "file",
      "kept",
      "kept/.wh..wh..opq",
      "later",
      "link",
      "made",
      "made/.wh..wh..opq",
    ]);
  });

  test("under Docker's rules a whiteout goes also where its directory was named otherwise", async () => {
    using scratch = new Scratch("aufs");
    const archive = tar()
      .directory("usr")
      .directory("usr/bin")
      .symlink("bin", "usr/bin")
      .file("bin/.wh.file")
      .file("usr/bin/file", "mine")
      .file("bin/.wh.dir")
      .directory("usr/bin/dir")
      .end();
    await unpackAt(scratch.path, archive, { whiteouts: "aufs", names: "docker" });
    expect(Object.keys(filesIn(scratch.join("usr/bin")))).toEqual(["dir", "dir/.wh..wh..opq", "file"]);
  });

  test("aufs's own files and directories in an image stay out", async () => {
    using scratch = new Scratch("aufs");
    const archive = tar()
      .file(".wh..wh.aufs")
      .directory(".wh..wh.plnk")
      .file(".wh..wh.plnk/12.34", "linked")
      .directory(".wh..wh.orph")
      .file("real", "1")
      .end();
    await unpackAt(scratch.path, archive, { whiteouts: "aufs" });
    expect(readdirSync(scratch.path)).toEqual(["real"]);
  });

  test("an opaque root is told, and stands there", async () => {
    using scratch = new Scratch("aufs");
    const { isRootOpaque } = await unpackAt(scratch.path, tar().file(".wh..wh..opq").end(), {
      whiteouts: "aufs",
    });
    expect(isRootOpaque).toBe(true);
    expect(readdirSync(scratch.path)).toEqual([".wh..wh..opq"]);
  });

  test("names that aufs can't show are refused in a sentence; 242 bytes are taken", async () => {
    using scratch = new Scratch("aufs");
    const longest = "n".repeat(242);
    await unpackAt(scratch.join("good"), tar().pax({ path: longest }).file("x", "1").end(), {
      whiteouts: "aufs",
    });
    expect(readdirSync(scratch.join("good"))).toEqual([longest]);
    for (const path of [`${longest}n`, `${"ü".repeat(122)}/file`, `dir/.wh.${"n".repeat(243)}`]) {
      const failure = await failureAt(scratch.join("bad"), tar().pax({ path }).file("x", "1").end(), {
        whiteouts: "aufs",
      });
      expect([failure.kind, failure.message]).toEqual([
        "unsupported",
        expect.stringMatching(/^cannot unpack ".*": its name is longer than the 242 bytes that aufs takes$/),
      ]);
    }
  });

  test("hostile whiteouts are refused as in every form, and none is made through a link", async () => {
    using scratch = new Scratch("aufs");
    mkdirSync(scratch.join("outside"));
    for (const archive of [
      tar().file("../.wh.x"),
      tar().file("a/.wh./b"),
      tar().file(".wh."),
      tar().file(".wh..."),
      tar().symlink("l", scratch.join("outside")).file("l/.wh.secret"),
      tar().symlink("l", scratch.join("outside")).file("l/.wh..wh..opq"),
    ]) {
      const failure = await failureAt(scratch.join("root"), archive.end(), { whiteouts: "aufs" });
      expect(["invalid", "corrupt"]).toContain(failure.kind);
      rmSync(scratch.join("root"), { recursive: true });
    }
    expect(readdirSync(scratch.join("outside"))).toEqual([]);
  });

  test("by aufs's rules two layers show what unpacking one over the other gives", async () => {
    // Two: aufs passes over a file between two directories of that name, which no mark of one layer alone can prevent.
    using scratch = new Scratch("aufs", memoryDirectory);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(layerItem, { maxLength: 12 }),
        fc.array(layerItem, { maxLength: 12 }),
        async (lower, upper) => {
          run += 1;
          const at = (name: string): string => scratch.join(`${run}-${name}`);
          for (const [name, items] of [
            ["lower", lower],
            ["upper", upper],
          ] as const) {
            await unpackAt(at(name), layerOf(items), { whiteouts: "aufs" });
            await unpackAt(at("full"), layerOf(items), { whiteouts: "remove" });
          }
          showAufs([at("upper"), at("lower")], at("shown"));
          const facts = { times: false, links: false };
          expect(describeTree(at("shown"), facts)).toEqual(describeTree(at("full"), facts));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("what a container has changed, as aufs left it", () => {
  /** As an aufs that is mounted and used leaves its writable branch. */
  function leave(upper: string): void {
    for (const directory of [".wh..wh.orph", ".wh..wh.plnk", "emptied", "etc", "new/deep"])
      mkdirSync(`${upper}/${directory}`, { recursive: true });
    for (const mark of [
      ".wh..wh.aufs",
      ".wh.gone",
      "etc/.wh.b",
      "emptied/.wh..wh..opq",
      "etc/.wh..wh.tmp.00a1",
    ])
      writeFileSync(`${upper}/${mark}`, "", { mode: 0o444 });
    writeFileSync(`${upper}/.wh..wh.plnk/11.22`, "linked");
    writeFileSync(`${upper}/etc/a`, "changed");
    writeFileSync(`${upper}/new/deep/file`, "new");
    writeFileSync(`${upper}/emptied/own`, "own");
  }

  function below(lower: string): void {
    for (const directory of ["emptied", "etc", "gone", "same"]) mkdirSync(`${lower}/${directory}`);
    for (const file of ["emptied/x", "etc/a", "etc/b", "gone/y", "same/z"])
      writeFileSync(`${lower}/${file}`, "");
  }

  test("listUpperChanges() reads its whiteouts, and says nothing of what is aufs's own", async () => {
    using scratch = new Scratch("aufs");
    for (const name of ["upper", "lower"]) mkdirSync(scratch.join(name));
    leave(scratch.join("upper"));
    below(scratch.join("lower"));
    using upper = openDirectoryPath(scratch.join("upper"));
    using lower = openDirectoryPath(scratch.join("lower"));
    const changes = await listUpperChanges({ upper: upper.fd, lower: lower.fd }, { marks: "aufs" });
    expect(changes.map(({ kind, path }) => `${kind[0]} ${path}`)).toEqual([
      "m /emptied",
      "a /emptied/own",
      "d /emptied/x",
      "m /etc",
      "m /etc/a",
      "d /etc/b",
      "d /gone",
      "a /new",
      "a /new/deep",
      "a /new/deep/file",
    ]);
  });

  test("packTree() makes an image's layer of it, which unpacks to the same marks", async () => {
    using scratch = new Scratch("aufs");
    mkdirSync(scratch.join("upper"));
    leave(scratch.join("upper"));
    // A device that overlay takes for a whiteout has no place in a layer: unpackLayer() refuses it.
    execFileSync("mknod", [scratch.join("upper/etc/node"), "c", "0", "0"]);
    using upper = openDirectoryPath(scratch.join("upper"));
    const packed = Buffer.concat(await Array.fromAsync(packTree(upper.fd, { whiteouts: "aufs" })));
    expect(namesIn(packed)).toEqual([
      ".wh.gone",
      "emptied/",
      "emptied/.wh..wh..opq",
      "emptied/own",
      "etc/",
      "etc/.wh.b",
      "etc/a",
      "new/",
      "new/deep/",
      "new/deep/file",
    ]);
    await unpackAt(scratch.join("again"), packed, { whiteouts: "aufs" });
    expect(Object.keys(filesIn(scratch.join("again")))).toEqual([
      ".wh.gone",
      "emptied",
      "emptied/.wh..wh..opq",
      "emptied/own",
      "etc",
      "etc/.wh.b",
      "etc/a",
      "new",
      "new/deep",
      "new/deep/file",
    ]);
    expect(readFileSync(scratch.join("again/etc/a"), "utf8")).toBe("changed");
  });

  test("measureTree() counts nothing of what is left out", async () => {
    using scratch = new Scratch("aufs");
    mkdirSync(scratch.join("upper"));
    leave(scratch.join("upper"));
    using upper = openDirectoryPath(scratch.join("upper"));
    const all = await measureTree(upper.fd);
    const own = await measureTree(upper.fd, { leavesOut: (name) => name.startsWith(".wh..wh.") });
    expect(all.inodes - own.inodes).toBe(6);
    expect(all.contentBytes - own.contentBytes).toBe("linked".length);
  });
});

let descriptors: string[] = [];
beforeAll(() => {
  descriptors = openDescriptors();
});
afterAll(() => {
  expect(openDescriptors()).toEqual(descriptors);
});
