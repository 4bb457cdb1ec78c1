import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestSources } from "../../../src/build/solver/copy-layer.ts";
import { openDirectoryPath } from "../../../src/linux/files/open.ts";
import { type Stat, statFd } from "../../../src/linux/files/stat.ts";
import { KnownDigests, noDigests, showsChanges } from "../../../src/linux/tree/file-digests.ts";

let directory: string;

/** Counts the files that were read. */
class Counted extends KnownDigests {
  read = 0;

  override keep(stat: Stat, digest: Uint8Array): void {
    this.read++;
    // As if the files were older.
    super.keep({ ...stat, changed: { ...stat.changed, seconds: stat.changed.seconds - 3600 } }, digest);
  }

  override find(stat: Stat): Uint8Array | undefined {
    return super.find({ ...stat, changed: { ...stat.changed, seconds: stat.changed.seconds - 3600 } });
  }
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tare-digests-"));
  mkdirSync(join(directory, "below"));
  writeFileSync(join(directory, "one"), "one");
  writeFileSync(join(directory, "below", "two"), "two");
});
afterEach(() => rmSync(directory, { recursive: true }));

async function digest(digests = noDigests, path = "/"): Promise<string> {
  using root = openDirectoryPath(directory);
  const tree = { root: root.fd, digests };
  return await digestSources({
    sources: [{ kind: "tree", tree, path, unpacks: false }],
    target: "/",
    owner: undefined,
    parents: false,
    now: { seconds: 0, nanoseconds: 0 },
  });
}

test("a tree that has not changed is not read again, and has the same digest as without memory", async () => {
  const known = new Counted();
  const first = await digest(known);
  expect(known.read).toBe(2);
  expect(await digest(known)).toBe(first);
  expect(known.read).toBe(2);
  expect(await digest()).toBe(first);
});

test("a file of the same size and time with other content is read again", async () => {
  const known = new Counted();
  const first = await digest(known);
  const path = join(directory, "below", "two");
  const { atime, mtime } = statSync(path);
  writeFileSync(path, "TWO");
  utimesSync(path, atime, mtime);
  const second = await digest(known);
  expect(second).not.toBe(first);
  expect(second).toBe(await digest());
  expect(known.read).toBe(3);
});

test("a file that was changed just now is not remembered", () => {
  using root = openDirectoryPath(directory);
  const stat = statFd(root.fd);
  const known = new KnownDigests();
  known.keep(stat, new Uint8Array(32));
  expect(known.find(stat)).toBeUndefined();
  const older = { ...stat, changed: { seconds: stat.changed.seconds - 10, nanoseconds: 0 } };
  known.keep(older, new Uint8Array(32));
  expect(known.find(older)).toEqual(Buffer.alloc(32));
  known.clear();
  expect(known.find(older)).toBeUndefined();
});

test("the files used last are remembered", () => {
  using root = openDirectoryPath(directory);
  const old = { ...statFd(root.fd), changed: { seconds: 1, nanoseconds: 0 } };
  const known = new KnownDigests(100);
  for (let inode = 0n; inode < 102n; inode++) {
    known.keep({ ...old, inode }, new Uint8Array(1));
    known.find({ ...old, inode: 0n });
  }
  expect(known.find({ ...old, inode: 0n })).toBeDefined();
  expect(known.find({ ...old, inode: 1n })).toBeUndefined();
  expect(known.find({ ...old, inode: 101n })).toBeDefined();
});

test("file systems of images and of the kernel show no changes by their times", () => {
  using proc = openDirectoryPath("/proc");
  expect(showsChanges(proc.fd)).toBe(false);
});
