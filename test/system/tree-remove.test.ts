import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { removeTree, removeTreeInWorker } from "../../src/linux/tree/tree.ts";
import { memoryDirectory, Scratch } from "../support/scratch.ts";
import { describeTree, openDescriptors } from "../support/unpack.ts";

/** Makes a chain of directories, deeper than any path can name, with a file in each. */
const makeDeep = `
import os, sys
os.chdir(sys.argv[1])
os.mkdir("deep"); os.chdir("deep")
for level in range(int(sys.argv[2])):
    open("f", "w").close()
    os.mkdir("d"); os.chdir("d")
`;

describe.each([
  ["removeTree()", removeTree],
  ["removeTreeBeside()", removeTreeInWorker],
])("%s", (_, remove) => {
  test("removes files, trees and links themselves, and is fine with what is absent", async () => {
    using scratch = new Scratch("remove");
    mkdirSync(scratch.join("outside"));
    writeFileSync(scratch.join("outside/secret"), "secret");
    const before = describeTree(scratch.join("outside"));
    mkdirSync(scratch.join("base/tree/a/b"), { recursive: true });
    symlinkSync(scratch.join("outside"), scratch.join("base/tree/a/b/link"));
    symlinkSync(scratch.join("outside"), scratch.join("base/link"));
    spawnSync("mkfifo", [scratch.join("base/tree/fifo")]);
    writeFileSync(Buffer.concat([Buffer.from(scratch.join("base/tree/bad")), Buffer.from([0xff])]), "");
    using base = openDirectoryPath(scratch.join("base"));
    for (const name of ["tree", "link", "absent", "tree"]) await remove(base.fd, name);
    expect(describeTree(scratch.join("base")).length).toBe(1);
    expect(describeTree(scratch.join("outside"))).toEqual(before);
  });

  test("removes a tree of 12,000 levels with few descriptors", async () => {
    using scratch = new Scratch("remove", memoryDirectory);
    expect(spawnSync("python3", ["-c", makeDeep, scratch.path, "12000"]).status).toBe(0);
    using base = openDirectoryPath(scratch.path);
    await remove(base.fd, "deep");
    expect(existsSync(scratch.join("deep"))).toBe(false);
  });

  test("removes a directory of many entries and leaves others their turn", async () => {
    using scratch = new Scratch("remove", memoryDirectory);
    mkdirSync(scratch.join("wide/sub"), { recursive: true });
    for (let at = 0; at < 4000; at++) writeFileSync(scratch.join(`wide/a-rather-long-name-${at}`), "");
    for (let at = 0; at < 500; at++) mkdirSync(scratch.join(`wide/sub/${at}`));
    using base = openDirectoryPath(scratch.path);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await remove(base.fd, "wide");
    clearInterval(timer);
    expect(existsSync(scratch.join("wide"))).toBe(false);
    expect(turns).toBeGreaterThan(0);
  });

  test("never empties a file system that is mounted below", async () => {
    using scratch = new Scratch("remove");
    mkdirSync(scratch.join("tree/mount"), { recursive: true });
    mkdirSync(scratch.join("precious"));
    writeFileSync(scratch.join("precious/data"), "data");
    for (let at = 0; at < 600; at++) writeFileSync(scratch.join(`precious/${at}`), "");
    for (let at = 0; at < 600; at++) writeFileSync(scratch.join(`tree/${at}`), "");
    expect(spawnSync("mount", ["--bind", scratch.join("precious"), scratch.join("tree/mount")]).status).toBe(
      0,
    );
    try {
      using base = openDirectoryPath(scratch.path);
      await expect(remove(base.fd, "tree")).rejects.toThrow("EXDEV");
      using tree = openDirectoryPath(scratch.join("tree"));
      await expect(remove(tree.fd, "mount")).rejects.toThrow("EXDEV");
      expect(readFileSync(scratch.join("precious/data"), "utf8")).toBe("data");
      expect(readdirSync(scratch.join("precious"))).toHaveLength(601);
    } finally {
      spawnSync("umount", [scratch.join("tree/mount")]);
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
