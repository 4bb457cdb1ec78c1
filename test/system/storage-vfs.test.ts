import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID } from "../../src/linux/constants/mount.ts";
import { createFilesystem } from "../../src/linux/mount/mount.ts";
import { type Digest, digestOf } from "../../src/spec/digest.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { openStorage } from "../../src/storage/drivers.ts";

import { inChunks } from "../support/tar-builder.ts";
import { makeTar } from "../support/tar-of-files.ts";
import { testStorageDriver } from "../suites/storage-driver.ts";

testStorageDriver("vfs", { sizeLimit: "refused", disk: "ext4" });
// Where files can't be cloned, nor always copied by copy_file_range(2) into another.
testStorageDriver("vfs", { base: "/dev/shm" });

async function inDataRoot(work: (dataRoot: string) => Promise<void>): Promise<void> {
  const dataRoot = await mkdtemp("/var/tmp/tare-vfs-");
  try {
    await work(dataRoot);
  } finally {
    rmSync(dataRoot, { recursive: true, force: true });
  }
}

const driver = "vfs";

async function addLayer(storage: StorageDriver, fill: (root: string) => void): Promise<Digest> {
  const tar = makeTar(fill);
  await using draft = await storage.beginLayer();
  await draft.apply(inChunks(tar));
  await draft.commit(digestOf(tar));
  return digestOf(tar);
}

test("openStorage() clears what a crash left and makes a view again of which only a part is there", () =>
  inDataRoot(async (dataRoot) => {
    const root = `${dataRoot}/storage/vfs`;
    let layer: Digest;
    {
      await using storage = await openStorage(dataRoot, { driver });
      layer = await addLayer(storage, (tree) => writeFileSync(`${tree}/a`, "1"));
      await storage.createSnapshot("kept", [layer]);
      (await storage.viewLayers([layer]))[Symbol.dispose]();
    }
    const [view] = readdirSync(`${root}/views`);
    rmSync(`${root}/views/${view}/layers`);
    rmSync(`${root}/views/${view}/fs/a`);
    mkdirSync(`${root}/drafts/half/fs/etc`, { recursive: true });
    mkdirSync(`${root}/trash/old/fs`, { recursive: true });
    await using storage = await openStorage(dataRoot, { driver });
    await storage.settle();
    expect(readdirSync(`${root}/drafts`)).toEqual([]);
    expect(readdirSync(`${root}/trash`)).toEqual([]);
    expect(await storage.listSnapshots()).toEqual(["kept"]);
    using again = await storage.viewLayers([layer]);
    expect(readFileSync(`/proc/self/fd/${again.fd}/a`, "utf8")).toBe("1");
    for (const place of ["", "layers", "snapshots", "drafts", "trash", "views", "snapshots/kept"]) {
      expect(statSync(`${root}/${place}`).mode & 0o7777).toBe(0o700);
    }
  }));

test("a view has the layers' own files, a snapshot has copies, and both go with what they are of", () =>
  inDataRoot(async (dataRoot) => {
    await using storage = await openStorage(dataRoot, { driver });
    const layer = await addLayer(storage, (tree) => writeFileSync(`${tree}/a`, "1"));
    const inLayer = `${dataRoot}/storage/vfs/layers/${layer.slice(7)}/fs/a`;
    await storage.createSnapshot("s", [layer]);
    using view = await storage.viewLayers([layer]);
    expect(statSync(`/proc/self/fd/${view.fd}/a`).ino).toBe(statSync(inLayer).ino);
    using mounted = await storage.mountSnapshot("s");
    expect(statSync(`/proc/self/fd/${mounted.mount.fd}/a`).ino).not.toBe(statSync(inLayer).ino);
    mounted[Symbol.dispose]();
    view[Symbol.dispose]();
    await storage.removeSnapshot("s");
    await storage.removeLayer(layer);
    await storage.settle();
    expect(execFileSync("find", [dataRoot, "-name", "a"], { encoding: "utf8" })).toBe("");
    expect(readdirSync(`${dataRoot}/storage/vfs/views`)).toEqual([]);
  }));

test("mountSnapshot() is neither nosuid nor nodev nor noexec when the data root is", async () => {
  using disk = createFilesystem("tmpfs", [["mode", "0700"]], {
    attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
  });
  const dataRoot = `/proc/self/fd/${disk.fd}`;
  await using storage = await openStorage(dataRoot, { driver });
  const layer = await addLayer(storage, (tree) => {
    writeFileSync(`${tree}/run`, "#!/bin/sh\necho ran\n", { mode: 0o755 });
    execFileSync("mknod", [`${tree}/zero`, "c", "1", "5"]);
  });
  await storage.createSnapshot("s", [layer]);
  const inDataRoot = `/proc/${process.pid}/fd/${disk.fd}/storage/vfs/snapshots/s/fs/run`;
  expect(() => execFileSync(inDataRoot)).toThrow("EACCES");
  using mounted = await storage.mountSnapshot("s");
  const root = `/proc/${process.pid}/fd/${mounted.mount.fd}`;
  expect(execFileSync(`${root}/run`, { encoding: "utf8" })).toBe("ran\n");
  expect(execFileSync("head", ["-c", "2", `${root}/zero`]).toString("hex")).toBe("0000");
});

test("createSnapshot() without room for a copy is exhausted and leaves nothing", async () => {
  using disk = createFilesystem("tmpfs", [["size", "3m"]]);
  await using storage = await openStorage(`/proc/self/fd/${disk.fd}`, { driver });
  const layer = await addLayer(storage, (tree) => writeFileSync(`${tree}/a`, Buffer.alloc(2 << 20, 1)));
  await expect(storage.createSnapshot("s", [layer])).rejects.toMatchObject({
    kind: "exhausted",
    message: expect.stringContaining('cannot create snapshot "s": cannot copy "a": '),
  });
  await storage.settle();
  expect(await storage.listSnapshots()).toEqual([]);
  expect(readdirSync(`/proc/self/fd/${disk.fd}/storage/vfs/drafts`)).toEqual([]);
  using view = await storage.viewLayers([layer]); // needs no copy
  expect(existsSync(`/proc/self/fd/${view.fd}/a`)).toBe(true);
});

test("removeLayer() is refused while a snapshot of it is being made", () =>
  inDataRoot(async (dataRoot) => {
    await using storage = await openStorage(dataRoot, { driver });
    const layer = await addLayer(storage, (tree) => writeFileSync(`${tree}/a`, Buffer.alloc(8 << 20, 1)));
    const making = storage.createSnapshot("s", [layer]);
    await expect(storage.removeLayer(layer)).rejects.toMatchObject({ kind: "conflict" });
    await making;
    await storage.removeSnapshot("s");
    await storage.removeLayer(layer);
  }));
