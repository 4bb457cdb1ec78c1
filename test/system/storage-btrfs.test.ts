import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { Garbage } from "../../src/engine/images/garbage.ts";
import { openState } from "../../src/engine/state/state.ts";
import { openContentStore } from "../../src/image/content-store.ts";
import { type Digest, digestOf } from "../../src/spec/digest.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { Scratch } from "../support/scratch.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { inChunks } from "../support/tar-builder.ts";
import { Installation } from "../support/tare.ts";
import { busyboxArchive } from "../support/images.ts";
import { createSubvolume, subvolumeOf } from "../../src/linux/btrfs/btrfs.ts";
import { hasFilesystem } from "../../src/linux/mount/mount.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { makeTar } from "../support/tar-of-files.ts";
import { testStorageDriver } from "../suites/storage-driver.ts";

const reason = !hasFilesystem("btrfs")
  ? "this kernel has no btrfs"
  : Bun.which("mkfs.btrfs") === null
    ? "mkfs.btrfs (apt-get install btrfs-progs)"
    : undefined;
const hasBtrfs = reason === undefined;
if (!hasBtrfs) console.log(`skipped: ${reason}`);

describe.skipIf(!hasBtrfs)("on btrfs", () => {
  // Its name is known before it is there: the suites are told of it when they are declared.
  const base = `/var/tmp/tare-btrfs-${randomBytes(3).toString("hex")}`;
  const undo = new DisposableStack();
  let disk: SmallDisk;
  beforeAll(() => {
    mkdirSync(base);
    undo.defer(() => rmSync(base, { recursive: true }));
    disk = undo.use(new SmallDisk("btrfs", { mebibytes: 256 }));
    symlinkSync(disk.path, `${base}/disk`);
  });
  afterAll(() => undo.dispose());

  // Files are cloned here.
  testStorageDriver("vfs", { base: `${base}/disk` });

  testStorageDriver("btrfs", { base: `${base}/disk`, sizeLimit: "kept", disk: "btrfs" });

  test("a snapshot shares the blocks of its layers until it writes", async () => {
    await using storage = await openStorage(disk.path, { driver: "vfs" });
    const tar = makeTar((tree) => {
      writeFileSync(`${tree}/big`, Buffer.alloc(48 << 20, 1));
      writeFileSync(`${tree}/odd`, Buffer.alloc((1 << 20) + 17, 2));
    });
    const layer = digestOf(tar);
    {
      await using draft = await storage.beginLayer();
      await draft.apply(inChunks(tar));
      await draft.commit(layer);
    }
    const free = (): number => {
      execFileSync("sync", ["-f", disk.path]);
      const { bavail, bsize } = statfsSync(disk.path);
      return bavail * bsize;
    };
    const before = free();
    for (let index = 0; index < 5; index++) await storage.createSnapshot(`s${index}`, [layer]);
    expect(before - free()).toBeLessThan(16 << 20);
    using mounted = await storage.mountSnapshot("s0");
    const path = `/proc/self/fd/${mounted.mount.fd}`;
    expect(readFileSync(`${path}/odd`).equals(Buffer.alloc((1 << 20) + 17, 2))).toBe(true);
    writeFileSync(`${path}/big`, Buffer.alloc(48 << 20, 3));
    using other = await storage.mountSnapshot("s1");
    expect(readFileSync(`/proc/self/fd/${other.mount.fd}/big`)[1 << 20]).toBe(1);
    mounted[Symbol.dispose]();
    other[Symbol.dispose]();
    for (let index = 0; index < 5; index++) await storage.removeSnapshot(`s${index}`);
    await storage.removeLayer(layer);
  });

  /** As openStorage() of a data root of its own, with layers of 24 MiB and 300 small files. */
  async function withLayers<T>(
    names: readonly string[],
    work: (place: {
      readonly dataRoot: string;
      readonly storage: StorageDriver;
      readonly layers: readonly Digest[];
      /** Bytes. */
      readonly free: () => number;
    }) => Promise<T>,
  ): Promise<void> {
    using scratch = new Scratch("layers", disk.path);
    await using storage = await openStorage(scratch.path, { driver: "btrfs" });
    const layers: Digest[] = [];
    for (const name of names) {
      const tar = makeTar((tree) => {
        writeFileSync(`${tree}/big`, randomBytes(24 << 20));
        for (let index = 0; index < 300; index++) writeFileSync(`${tree}/${name}-${index}`, name);
      });
      await using draft = await storage.beginLayer();
      await draft.apply(inChunks(tar));
      const layer = digestOf(tar);
      await draft.commit(layer);
      layers.push(layer);
    }
    const free = (): number => {
      const { bavail, bsize } = statfsSync(disk.path);
      return bavail * bsize;
    };
    await work({ dataRoot: scratch.path, storage, layers, free });
  }

  const pathOf = (dataRoot: string, layer: Digest): string =>
    `${dataRoot}/storage/btrfs/layers/${layer.slice(7)}/fs`;

  function subvolumeAt(path: string): bigint {
    using directory = openDirectoryPath(path);
    return subvolumeOf(directory.fd);
  }

  test("a layer is a subvolume: removed at once, and its room is there when it was waited for", async () => {
    await withLayers(["one"], async ({ dataRoot, storage, layers: [layer = digestOf("")], free }) => {
      expect(subvolumeAt(pathOf(dataRoot, layer))).not.toBe(subvolumeAt(dataRoot));
      execFileSync("sync", ["-f", disk.path]);
      const before = free();
      await storage.removeLayer(layer);
      await storage.awaitSpace();
      expect(free() - before).toBeGreaterThan(23 << 20);
      expect(await storage.health()).toEqual([]);
    });
  });

  test("a layer that is a directory, of an earlier version, is used and removed like others", async () => {
    await withLayers(["old"], async ({ dataRoot, storage, layers }) => {
      const [layer = digestOf("")] = layers;
      const path = pathOf(dataRoot, layer);
      execFileSync("sh", ["-c", `cp -a ${path} ${path}.old && rm -r ${path} && mv ${path}.old ${path}`]);
      expect(subvolumeAt(path)).toBe(subvolumeAt(dataRoot));
      await storage.createSnapshot("s", layers);
      {
        using mounted = await storage.mountSnapshot("s");
        expect(readFileSync(`/proc/self/fd/${mounted.mount.fd}/old-7`, "utf8")).toBe("old");
      }
      await storage.removeSnapshot("s");
      await storage.removeLayer(layer);
      await storage.awaitSpace();
      expect(await storage.health()).toEqual([]);
      expect(readdirSync(`${dataRoot}/storage/btrfs/trash`)).toEqual([]);
    });
  });

  test("garbage that waits for its time stays where the room of what was removed is enough", async () => {
    await withLayers(["one", "two", "three"], async ({ dataRoot, storage, layers }) => {
      using state = openState(dataRoot, { mayBeNew: true });
      const content = await openContentStore(dataRoot);
      execFileSync("sync", ["-f", disk.path]);
      const { blocks, bfree, bavail, bsize } = statfsSync(disk.path);
      const percent = (freed: number): number => {
        const used = (blocks - bfree) * bsize - freed;
        return Math.ceil((used * 100) / (used + bavail * bsize + freed));
      };
      const rules = {
        graceMs: 3_600_000,
        highPercent: percent(12 << 20),
        lowPercent: percent(36 << 20),
      };
      using garbage = new Garbage(state, { dataRoot, storage, content, settings: { garbage: rules } });
      await garbage.keepForNow();
      await garbage.relieve();
      // 24 MiB are not enough, 48 are.
      expect(storage.listLayers()).toEqual(layers.slice(2));
    });
  });

  test("a snapshot in which others were made is removed with them", async () => {
    await using storage = await openStorage(disk.path, { driver: "btrfs" });
    await storage.createSnapshot("nested", []);
    {
      using mounted = await storage.mountSnapshot("nested");
      using root = openDirectoryPath(`/proc/self/fd/${mounted.mount.fd}`);
      await createSubvolume(root.fd, "inner");
      writeFileSync(`/proc/self/fd/${mounted.mount.fd}/inner/file`, "x");
    }
    await storage.removeSnapshot("nested");
    await storage.settle();
    expect(await storage.health()).toEqual([]);
    expect(execFileSync("find", [disk.path, "-name", "inner"], { encoding: "utf8" })).toBe("");
  });

  test("an engine runs on it: containers, exec, diff, commit, sizes, a limit, another user namespace, a restart", async () => {
    await using tare = new Installation({ dataRoot: `${disk.path}/engine` });
    const run = async (...args: string[]): Promise<string> => await tare.must(args);
    await tare.must(["--storage-driver", "btrfs", "load", "-i", busyboxArchive()]);
    expect(await run("info", "-f", "{{.Driver}}")).toBe("btrfs");
    expect(await run("info")).toContain("Size limits: quota group");
    await run("run", "--name", "one", "busybox", "sh", "-c", "echo hello >/note; rm /etc/passwd");
    expect((await run("diff", "one")).split("\n").toSorted()).toEqual(["A /note", "C /etc", "D /etc/passwd"]);
    await run("commit", "one", "made");
    expect(await run("run", "--rm", "--userns", "private", "made", "cat", "/note")).toBe("hello");
    await run("run", "-d", "--name", "two", "made", "sleep", "600");
    await run("daemon", "stop");
    expect(await run("exec", "two", "cat", "/note")).toBe("hello");
    expect(await run("ps", "-s", "--format", "{{.Size}}")).toMatch(/^0B \(virtual/);
    const write = "dd if=/dev/zero of=/big bs=1M count=32 2>&1; sync; ls -l /big";
    expect(await run("run", "--rm", "--storage-opt", "size=8m", "busybox", "sh", "-c", write)).toMatch(
      /quota/i,
    );
    await run("rm", "-f", "one", "two");
    await run("rmi", "made", "busybox");
    await run("system", "settle");
    await run("system", "check");
  });
});
