import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { digestOf } from "../../src/spec/digest.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { busyboxArchive } from "../support/images.ts";
import { inChunks, TarBuilder } from "../support/tar-builder.ts";
import { makeTar } from "../support/tar-of-files.ts";
import { Installation } from "../support/tare.ts";
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
