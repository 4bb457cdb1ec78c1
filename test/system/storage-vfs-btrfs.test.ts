import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { digestOf } from "../../src/spec/digest.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { inChunks } from "../support/tar-builder.ts";
import { makeTar } from "../support/tar-of-files.ts";
import { testStorageDriver } from "../suites/storage-driver.ts";

const hasBtrfs = Bun.which("mkfs.btrfs") !== null;
if (!hasBtrfs) console.log("skipped: mkfs.btrfs (apt-get install btrfs-progs)");

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
});
