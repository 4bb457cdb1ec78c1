import { afterAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { digestOf } from "../../src/spec/digest.ts";
import { hasFilesystem } from "../../src/linux/mount/mount.ts";
import { openChosenStorage } from "../../src/storage/choose-driver.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { busyboxArchive } from "../support/images.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { inChunks, TarBuilder } from "../support/tar-builder.ts";
import { makeTar } from "../support/tar-of-files.ts";
import { Installation } from "../support/tare.ts";
import { TestMountHelper } from "../support/mount-helper.ts";
import { testStorageDriver } from "../suites/storage-driver.ts";

testStorageDriver("erofs", { sizeLimit: "refused", disk: "ext4" });

test("a layer is one file beside its facts; one that the index can't have is unpacked; hostile ones leave nothing", async () => {
  const dataRoot = await mkdtemp("/var/tmp/tare-erofs-");
  try {
    await using storage = await openStorage(dataRoot, { driver: "erofs" });
    const add = async (tar: Uint8Array): Promise<string> => {
      await using draft = await storage.beginLayer();
      await draft.apply(inChunks(tar));
      await draft.commit(digestOf(tar));
      return `${dataRoot}/storage/erofs/layers/${digestOf(tar).slice(7)}`;
    };
    const plain = makeTar((root) => writeFileSync(`${root}/plain`, "plain"));
    expect(readdirSync(await add(plain)).toSorted()).toEqual(["facts", "image"]);
    const vast = new TarBuilder()
      .directory("./", { mode: 0o711 })
      .pax({ "GNU.sparse.size": String(2 ** 40), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "4096,3" })
      .file("vast", "abc")
      .end();
    expect(readdirSync(await add(vast)).toSorted()).toEqual(["facts", "fs"]);
    await storage.createSnapshot("s", [digestOf(plain), digestOf(vast)]);
    {
      using mounted = await storage.mountSnapshot("s");
      const root = `/proc/self/fd/${mounted.mount.fd}`;
      expect(readdirSync(root).toSorted()).toEqual(["plain", "vast"]);
      expect(statSync(`${root}/vast`).size).toBe(2 ** 40);
      expect(statSync(`${root}/.`).mode & 0o7777).toBe(0o711);
    }
    for (const hostile of [
      new TarBuilder().file("../out", "x"),
      new TarBuilder().symlink("l", "/etc").file("l/passwd", "x"),
      new TarBuilder().header({ name: "null", flag: "3", major: 0, minor: 0 }),
      new TarBuilder().hardlink("h", "../../etc/passwd"),
      new TarBuilder().file("a/.wh./b", "x"),
    ]) {
      await expect(add(hostile.end())).rejects.toMatchObject({
        kind: expect.stringMatching(/^(invalid|corrupt)$/),
      });
    }
    await storage.settle();
    expect(storage.listLayers()).toHaveLength(2);
    expect(readdirSync(`${dataRoot}/storage/erofs/drafts`)).toEqual([]);
  } finally {
    rmSync(dataRoot, { recursive: true, force: true });
  }
});

describe.each(["btrfs", "xfs"] as const)("on %s", (kind) => {
  const lacks = Bun.which(`mkfs.${kind}`) === null || !hasFilesystem(kind);
  if (lacks) console.log(`skipped: mkfs.${kind}, or ${kind} in the kernel`);

  if (!lacks && kind === "xfs") {
    const whole = new SmallDisk(kind, { mebibytes: 400 });
    afterAll(() => whole[Symbol.dispose]());
    testStorageDriver("erofs", { base: whole.path });
  }

  test.skipIf(lacks)("layers are mounted from their own files, without a loop device", async () => {
    using disk = new SmallDisk(kind, { mebibytes: 320 });
    const tar = makeTar((root) => writeFileSync(`${root}/file`, "content"));
    const loops = (): string => execFileSync("losetup", ["-a"], { encoding: "utf8" });
    {
      using mountHelper = new TestMountHelper(); // mounts overlays before Linux 6.15
      await using storage = await openStorage(disk.path, { driver: "erofs", mountHelper });
      expect(storage.status).toContainEqual(["Layers mounted", "from their files"]);
      expect(storage.warning).toBeUndefined();
      {
        await using draft = await storage.beginLayer();
        await draft.apply(inChunks(tar));
        await draft.commit(digestOf(tar));
      }
      await storage.createSnapshot("s", [digestOf(tar)]);
      using mounted = await storage.mountSnapshot("s");
      expect(readFileSync(`/proc/self/fd/${mounted.mount.fd}/file`, "utf8")).toBe("content");
      writeFileSync(`/proc/self/fd/${mounted.mount.fd}/file`, "changed");
      expect(await storage.listChanges("s")).toEqual([{ kind: "modified", path: "/file" }]);
      expect(loops()).not.toContain(`${disk.path}/storage`);
    }
  });
});

test("where it takes loop devices that is said in a warning, with the reason", async () => {
  process.env["TARE_WITHOUT"] = "erofs-file";
  const dataRoot = await mkdtemp("/dev/shm/tare-erofs-");
  try {
    const { storage, warning } = await openChosenStorage(dataRoot, { driver: "erofs" });
    await using _ = storage;
    expect(warning).toBe(
      "the storage driver erofs mounts each layer through a loop device, which is slower than from its file: TARE_WITHOUT says so",
    );
  } finally {
    delete process.env["TARE_WITHOUT"];
    rmSync(dataRoot, { recursive: true, force: true });
  }
});

test("a byte that has changed in a layer is found by check --verify, which names the image and what to do", async () => {
  await using tare = new Installation();
  await tare.must(["--storage-driver", "erofs", "load", "-i", busyboxArchive()]);
  expect(await tare.must(["system", "check", "--verify"])).toBe("Everything is in order.");
  const layers = `${tare.dataRoot}/storage/erofs/layers`;
  const [layer = ""] = readdirSync(layers);
  const image = `${layers}/${layer}/image`;
  const { size } = statSync(image);
  // In the superblock's own block, in a header of the tar, in a file, and in the index.
  for (const [at, what] of [
    [100, "the index in it is not what was written"],
    [4096 + 130, "the tar in it has another digest than its layer"],
    [Math.floor(size / 2), "the tar in it has another digest than its layer"],
    [size - 40, "the index in it is not what was written"],
  ] as const) {
    const undo = flipByte(image, at);
    const { status, stdout } = await tare.tare(["system", "check", "--verify"]);
    expect([at, status]).toEqual([at, 1]);
    expect(stdout).toContain(`layer ${layer.slice(0, 12)} of busybox`);
    expect(stdout).toContain(`cannot verify "${image}": ${what}`);
    expect(stdout).toContain("remove the image (tare rmi -f busybox");
    undo();
  }
  expect(await tare.must(["system", "check", "--verify"])).toBe("Everything is in order.");
});

/** Gives what puts it back. */
function flipByte(path: string, at: number): () => void {
  const flip = (): void => {
    const file = openSync(path, "r+");
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, at);
    byte[0] = (byte[0] as number) ^ 1;
    writeSync(file, byte, 0, 1, at);
    closeSync(file);
  };
  flip();
  return flip;
}

test("an engine runs on it: containers, exec, diff, commit, sizes, another user namespace, a restart", async () => {
  await using tare = new Installation();
  const run = async (...args: string[]): Promise<string> => await tare.must(args);
  await tare.must(["--storage-driver", "erofs", "load", "-i", busyboxArchive()]);
  expect(await run("info", "-f", "{{.Driver}}")).toBe("erofs");
  expect(await run("info")).toMatch(/Layers mounted: (from their files|through loop devices)/);
  await run("run", "--name", "one", "busybox", "sh", "-c", "echo hello >/note; rm /etc/passwd");
  expect((await run("diff", "one")).split("\n").toSorted()).toEqual(["A /note", "C /etc", "D /etc/passwd"]);
  await run("commit", "one", "made");
  expect(
    await run("run", "--rm", "--userns", "private", "made", "sh", "-c", "cat /note; stat -c %u /bin/busybox"),
  ).toBe("hello\n0");
  await run("run", "-d", "--name", "two", "made", "sleep", "600");
  await run("daemon", "stop");
  expect(await run("exec", "two", "cat", "/note")).toBe("hello");
  expect(await run("ps", "-s", "--format", "{{.Size}}")).toMatch(/^0B \(virtual/);
  await run("rm", "-f", "one", "two");
  // Another driver: the images come out of their blobs again, and the first driver's layers go.
  await run("daemon", "stop");
  await tare
    .must(["--storage-driver", "vfs", "run", "--rm", "made", "cat", "/note"])
    .then((said) => expect(said).toBe("hello"));
  await run("system", "settle");
  expect(readdirSync(`${tare.dataRoot}/storage/erofs/layers`)).toEqual([]);
  expect(await run("info", "-f", "{{.Driver}}")).toBe("vfs");
  await run("rmi", "made", "busybox");
  await run("system", "settle");
  await run("system", "check");
  await run("daemon", "stop");
  expect(execFileSync("losetup", ["-a"], { encoding: "utf8" })).not.toContain(tare.dataRoot);
});
