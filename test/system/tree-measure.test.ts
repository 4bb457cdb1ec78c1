import { afterEach, beforeEach, expect, test } from "bun:test";
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_WRONLY } from "../../src/linux/constants/open.ts";
import { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { measureChanges, measureTree } from "../../src/linux/tree/tree.ts";
import { Scratch } from "../support/scratch.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch("measure");
});
afterEach(() => scratch[Symbol.dispose]());

async function measured(): ReturnType<typeof measureTree> {
  using root = openDirectoryPath(scratch.path);
  return await measureTree(root.fd);
}

/** Directories in each other, far deeper than any path can say, with a file at the bottom. */
function makeDeep(levels: number, file: string): void {
  let at = new OwnedFd(call("openat", -100, scratch.path, O_RDONLY | O_DIRECTORY));
  for (let level = 0; level < levels; level++) {
    const name = `${level}-`.padEnd(200, "x");
    call("mkdirat", at.fd, name, 0o755);
    const next = new OwnedFd(call("openat", at.fd, name, O_RDONLY | O_DIRECTORY));
    at[Symbol.dispose]();
    at = next;
  }
  using bottom = at;
  using made = new OwnedFd(call("openat", bottom.fd, file, O_WRONLY | O_CREAT, 0o644));
  call("write", made.fd, Buffer.from("12345"), 5);
}

test("measureTree() counts files with several names once, holes by their length, links by their target's", async () => {
  writeFileSync(scratch.join("a"), "123");
  linkSync(scratch.join("a"), scratch.join("b"));
  symlinkSync("four", scratch.join("link"));
  mkdirSync(scratch.join("dir"));
  writeFileSync(scratch.join("dir/hole"), "");
  truncateSync(scratch.join("dir/hole"), 1_000_000);
  const { bytes, inodes, contentBytes } = await measured();
  expect(contentBytes).toBe(3 + 4 + 1_000_000);
  expect(inodes).toBe(5);
  expect(bytes).toBeLessThan(100_000);
});

test("measureTree() reaches what lies deeper than a path can say", async () => {
  makeDeep(300, "file");
  const { inodes, contentBytes } = await measured();
  expect([inodes, contentBytes]).toEqual([302, 5]);
});

test("measureTree() ends while others move and remove what it counts", async () => {
  for (let index = 0; index < 40; index++)
    mkdirSync(scratch.join(`d${index}/${"e/".repeat(80)}`), { recursive: true });
  const measuring = { isDone: false };
  const mover = (async () => {
    for (let turn = 0; !measuring.isDone; turn++) {
      const index = turn % 40;
      try {
        renameSync(scratch.join(`d${index}/e/e`), scratch.join(`moved-${turn}`));
        rmSync(scratch.join(`d${(index + 7) % 40}`), { recursive: true });
      } catch {
        // It was moved or removed before.
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  for (let round = 0; round < 10; round++) expect((await measured()).contentBytes).toBe(0);
  measuring.isDone = true;
  await mover;
});

test("measureTree() is given up by its signal", async () => {
  for (let index = 0; index < 3000; index++) mkdirSync(scratch.join(`d${index}/e`), { recursive: true });
  using root = openDirectoryPath(scratch.path);
  const abort = new AbortController();
  const measuring = measureTree(root.fd, { signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(measuring).rejects.toThrow("enough");
});

test("measureChanges() counts what was added or modified and is still there", async () => {
  writeFileSync(scratch.join("a"), "123");
  linkSync(scratch.join("a"), scratch.join("b"));
  writeFileSync(scratch.join("same"), "not counted");
  using root = openDirectoryPath(scratch.path);
  const { contentBytes } = await measureChanges(root.fd, [
    { path: "/a", kind: "modified" },
    { path: "/b", kind: "added" },
    { path: "/gone", kind: "deleted" },
    { path: "/vanished/deep", kind: "added" },
  ]);
  expect(contentBytes).toBe(3);
});
