import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { digestOf } from "../../src/spec/digest.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { inChunks } from "../support/tar-builder.ts";
import { Installation } from "../support/tare.ts";
import { busyboxArchive } from "../support/images.ts";
import { createSubvolume } from "../../src/linux/btrfs.ts";
import { hasFilesystem } from "../../src/linux/mount.ts";
import { openDirectoryPath } from "../../src/linux/open.ts";
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
  const base = mkdtempSync("/var/tmp/tare-btrfs-");
  let disk: SmallDisk;
  beforeAll(() => {
    disk = new SmallDisk("btrfs", { mebibytes: 256 });
    symlinkSync(disk.path, `${base}/disk`);
  });
  afterAll(() => {
    disk[Symbol.dispose]();
    rmSync(base, { recursive: true });
  });

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

  test("a snapshot in which others were made is removed with them", async () => {
    await using storage = await openStorage(disk.path, { driver: "btrfs" });
    await storage.createSnapshot("nested", []);
    {
      using mounted = await storage.mountSnapshot("nested");
      using root = openDirectoryPath(`/proc/self/fd/${mounted.mount.fd}`);
      createSubvolume(root.fd, "inner");
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
