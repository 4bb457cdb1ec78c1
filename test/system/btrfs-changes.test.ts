import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { createSubvolume, snapshotSubvolume } from "../../src/linux/btrfs/btrfs.ts";
import { findSnapshotChanges } from "../../src/linux/btrfs/changes.ts";
import { hasFilesystem } from "../../src/linux/mount/mount.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { statFd } from "../../src/linux/files/stat.ts";
import type { TreeChange } from "../../src/linux/tree/change.ts";
import { listTreeChanges, packTreeChanges } from "../../src/linux/tree/tree.ts";
import { SmallDisk } from "../support/small-disk.ts";

const hasBtrfs = hasFilesystem("btrfs") && Bun.which("mkfs.btrfs") !== null;
if (!hasBtrfs) console.log("skipped: btrfs and mkfs.btrfs (apt-get install btrfs-progs)");

/** Also on a busy machine. */
const patient = { patienceMs: 60_000 };

/** The same numbers for the same seed. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe.skipIf(!hasBtrfs)("findSnapshotChanges()", () => {
  let disk: SmallDisk;
  let count = 0;
  beforeAll(() => {
    disk = new SmallDisk("btrfs", { mebibytes: 256 });
  });
  afterAll(() => disk[Symbol.dispose]());

  /** A subvolume with some directories and files, and a snapshot of it. */
  async function makePair({
    isOld = false,
  } = {}): Promise<{ readonly original: string; readonly tree: string }> {
    using place = openDirectoryPath(disk.path);
    const name = `pair-${count++}`;
    await createSubvolume(place.fd, `${name}-original`);
    const original = join(disk.path, `${name}-original`);
    for (const directory of ["a", "a/b", "a/b/c", "d", "d/e", "empty", "é"]) {
      mkdirSync(join(original, directory));
      for (let file = 0; file < 4; file++) writeFileSync(join(original, directory, `f${file}`), `${file}`);
    }
    linkSync(join(original, "a/b/f0"), join(original, "d/linked"));
    symlinkSync("f1", join(original, "a/link"));
    if (isOld) await sleep(2100);
    using source = openDirectoryPath(original);
    await snapshotSubvolume(source.fd, place.fd, `${name}-tree`);
    return { original, tree: join(disk.path, `${name}-tree`) };
  }

  /** By the file system's knowledge and by looking at everything; throws where it has none. */
  async function bothWays(pair: { readonly original: string; readonly tree: string }): Promise<{
    readonly known: readonly TreeChange[];
    readonly walked: readonly TreeChange[];
    readonly packed: readonly [known: string, walked: string];
  }> {
    using tree = openDirectoryPath(pair.tree);
    using original = openDirectoryPath(pair.original);
    const trees = { tree: tree.fd, original: original.fd };
    const known = await findSnapshotChanges(trees, patient);
    if (known === undefined) throw new Error("nothing is known");
    const { ctimeMs } = lstatSync(join(pair.original, "é"));
    const since = { seconds: Math.floor(ctimeMs / 1000) + 1, nanoseconds: 0 };
    const pack = async (options: { known?: typeof known }): Promise<string> =>
      Buffer.concat(await Array.fromAsync(packTreeChanges({ ...trees, since, ...options }))).toString(
        "latin1",
      );
    return {
      known: await listTreeChanges(trees, { known }),
      walked: await listTreeChanges(trees),
      packed: [await pack({ known }), await pack({})],
    };
  }

  test("a snapshot in which nothing was done has no changes, and no directory of it is looked at", async () => {
    const pair = await makePair();
    using tree = openDirectoryPath(pair.tree);
    using original = openDirectoryPath(pair.original);
    const trees = { tree: tree.fd, original: original.fd };
    const known = await findSnapshotChanges(trees, patient);
    expect(await listTreeChanges(trees, { known })).toEqual([]);
    // Behind the file system's back nothing can change: the original is another tree now, and nobody looks.
    writeFileSync(join(pair.original, "a/b/new"), "");
    expect(await listTreeChanges(trees, { known })).toEqual([]);
    expect(await listTreeChanges(trees)).toContainEqual({ path: "/a/b/new", kind: "deleted" });
  });

  test("what was only read is not looked at", async () => {
    const pair = await makePair({ isOld: true });
    for (const entry of readdirSync(pair.tree, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) readFileSync(join(entry.parentPath, entry.name));
    }
    using tree = openDirectoryPath(pair.tree);
    using original = openDirectoryPath(pair.original);
    const known = await findSnapshotChanges({ tree: tree.fd, original: original.fd }, patient);
    for (const path of ["", "a", "a/b", "d"]) {
      using directory = openDirectoryPath(join(pair.tree, path));
      const stat = statFd(directory.fd);
      const [before, now] = [pair.original, pair.tree].map((at) => lstatSync(join(at, path)).atimeMs);
      expect(now).toBeGreaterThan(before as number); // so it was written
      expect([known?.isUntouched(stat), known?.namesIn(stat)]).toEqual([true, []]);
    }
  });

  test("a change far below is found at once, by all of its names", async () => {
    const pair = await makePair();
    appendFileSync(join(pair.tree, "a/b/f0"), "more");
    const { known, walked } = await bothWays(pair);
    expect(known).toEqual(walked);
    expect(known.map(({ path }) => path)).toEqual(["/a", "/a/b", "/a/b/f0", "/d", "/d/linked"]);
  });

  test("is undefined where one is not a snapshot of the other", async () => {
    const [one, other] = [await makePair(), await makePair()];
    using tree = openDirectoryPath(one.tree);
    using original = openDirectoryPath(other.original);
    expect(await findSnapshotChanges({ tree: tree.fd, original: original.fd })).toBeUndefined();
    using plain = openDirectoryPath("/proc");
    expect(await findSnapshotChanges({ tree: plain.fd, original: plain.fd })).toBeUndefined();
  });

  test("a subvolume that somebody made inside hides nothing, also with the inode numbers of what it replaces", async () => {
    const pair = await makePair();
    rmSync(join(pair.tree, "a"), { recursive: true });
    {
      using top = openDirectoryPath(pair.tree);
      await createSubvolume(top.fd, "a");
    }
    const wanted = lstatSync(join(pair.original, "a/b")).ino;
    for (;;) {
      mkdirSync(join(pair.tree, "a/b"));
      const { ino } = lstatSync(join(pair.tree, "a/b"));
      if (ino === wanted) break;
      if (ino > wanted) throw new Error("the inode's number was passed");
      rmSync(join(pair.tree, "a/b"), { recursive: true });
    }
    writeFileSync(join(pair.tree, "a/b/evil"), "");
    const { known, walked } = await bothWays(pair);
    expect(known).toEqual(walked);
    expect(known).toContainEqual({ path: "/a/b/evil", kind: "added" });
  });

  test("an inode of very many names, longer than an item of the tree", async () => {
    const pair = await makePair();
    for (let index = 0; index < 600; index++) {
      linkSync(
        join(pair.tree, "d/e/f1"),
        join(pair.tree, index % 2 === 0 ? "a/b/c" : "empty", `${"n".repeat(200)}${index}`),
      );
    }
    execFileSync("sync", ["-f", disk.path]);
    appendFileSync(join(pair.tree, "d/e/f1"), "more");
    const { known, walked } = await bothWays(pair);
    expect(known).toEqual(walked);
    expect(known.length).toBeGreaterThan(600);
  });

  test("is undefined while somebody else has too much to write", async () => {
    const pair = await makePair();
    using tree = openDirectoryPath(pair.tree);
    using original = openDirectoryPath(pair.original);
    writeFileSync(join(pair.tree, "large"), Buffer.alloc(32 << 20, "x"));
    const trees = { tree: tree.fd, original: original.fd };
    const [first, second] = await Promise.all([
      findSnapshotChanges(trees, { patienceMs: 0 }),
      findSnapshotChanges(trees, patient),
    ]);
    expect([first, second]).toEqual([undefined, undefined]);
    while ((await findSnapshotChanges(trees, patient)) === undefined) await sleep(5);
  });

  for (let seed = 1; seed <= 12; seed++) {
    test(`whatever is done to it, the same changes as by looking at everything (seed ${seed})`, async () => {
      const pair = await makePair({ isOld: seed % 4 === 0 });
      const random = randomNumbers(seed);
      const all = (): { readonly directories: string[]; readonly others: string[] } => {
        const found = { directories: [""], others: [] as string[] };
        for (const entry of readdirSync(pair.tree, { recursive: true, withFileTypes: true })) {
          const path = join(entry.parentPath, entry.name).slice(pair.tree.length + 1);
          (entry.isDirectory() ? found.directories : found.others).push(path);
        }
        return found;
      };
      const pick = (from: readonly string[]): string => join(pair.tree, from[random(from.length)] ?? "");
      const name = (): string => `n${random(1000)}`;
      const steps: readonly ((paths: ReturnType<typeof all>) => void)[] = [
        ({ others }) => appendFileSync(pick(others), "more"),
        ({ others }) => truncateSync(pick(others), 0),
        ({ others }) => writeFileSync(pick(others), readFileSync(pick(others))),
        ({ others }) => chmodSync(pick(others), 0o600),
        ({ directories }) => chmodSync(pick(directories), 0o700),
        ({ directories }) => chownSync(pick(directories), 1, 1),
        ({ others }) => utimesSync(pick(others), random(1e9), random(1e9)),
        ({ others }) => rmSync(pick(others)),
        ({ directories }) => rmSync(pick(directories.slice(1)), { recursive: true }),
        ({ directories }) => mkdirSync(join(pick(directories), name())),
        ({ directories }) => writeFileSync(join(pick(directories), name()), "new"),
        ({ directories, others }) => linkSync(pick(others), join(pick(directories), name())),
        ({ directories, others }) => renameSync(pick(others), join(pick(directories), name())),
        ({ directories }) => renameSync(pick(directories.slice(1)), join(pick(directories), name())),
        // Another directory at the place of one that was there.
        ({ directories }) => {
          const [one, other] = [pick(directories.slice(1)), pick(directories.slice(1))];
          execFileSync("mv", ["--exchange", one, other], { stdio: "ignore" });
        },
        () => execFileSync("sync", ["-f", disk.path]),
      ];
      const many = 1 + random(25);
      for (let done = 0; done < many; done++) {
        try {
          steps[random(steps.length)]?.(all());
        } catch {
          // A directory into itself, or one that has been moved away.
        }
      }
      const { known, walked, packed } = await bothWays(pair);
      expect(known).toEqual(walked);
      expect(packed[0]).toBe(packed[1]);
    });
  }
});
