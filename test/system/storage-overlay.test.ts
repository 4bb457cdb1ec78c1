import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { digestOf } from "../../src/spec/digest.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { slowness } from "../support/patience.ts";
import { testStorageDriver } from "../suites/storage-driver.ts";

testStorageDriver("overlay", { sizeLimit: "refused", disk: "ext4" });
testStorageDriver("overlay", { without: "lowerdir+" });

async function inDataRoot(work: (dataRoot: string) => Promise<void>, base = "/var/tmp"): Promise<void> {
  const dataRoot = await mkdtemp(`${base}/tare-overlay-`);
  try {
    await work(dataRoot);
  } finally {
    rmSync(dataRoot, { recursive: true, force: true });
  }
}

test("openStorage() clears what a crash left, keeps what is whole, and everything is 0700", () =>
  inDataRoot(async (dataRoot) => {
    const root = `${dataRoot}/storage/overlay`;
    {
      await using storage = await openStorage(dataRoot);
      await storage.createSnapshot("kept", []);
    }
    mkdirSync(`${root}/drafts/half/fs/etc`, { recursive: true });
    writeFileSync(`${root}/drafts/half/fs/etc/passwd`, "x");
    mkdirSync(`${root}/prewarmed/half/upper`, { recursive: true });
    mkdirSync(`${root}/trash/old/upper`, { recursive: true });
    writeFileSync(`${root}/trash/old/upper/file`, "x");
    await using storage = await openStorage(dataRoot);
    await storage.settle();
    expect(readdirSync(`${root}/drafts`)).toEqual([]);
    expect(readdirSync(`${root}/prewarmed`)).toEqual([]);
    expect(readdirSync(`${root}/trash`)).toEqual([]);
    expect(await storage.listSnapshots()).toEqual(["kept"]);
    for (const place of ["", "layers", "snapshots", "drafts", "prewarmed", "trash", "snapshots/kept"]) {
      expect(statSync(`${root}/${place}`).mode & 0o7777).toBe(0o700);
    }
  }));

test("health() names a layer that somebody deleted behind its back", () =>
  inDataRoot(async (dataRoot) => {
    const diffId = digestOf("layer");
    {
      await using storage = await openStorage(dataRoot);
      await using draft = await storage.beginLayer();
      await draft.commit(diffId);
      await storage.createSnapshot("s", [diffId]);
    }
    rmSync(`${dataRoot}/storage/overlay/layers/${diffId.slice(7)}`, { recursive: true });
    await using storage = await openStorage(dataRoot);
    const findings = await storage.health();
    expect(findings).toHaveLength(1);
    expect(findings[0]?.problem).toContain(diffId);
    await expect(storage.mountSnapshot("s")).rejects.toMatchObject({ kind: "not-found" });
  }));

test("health() names a snapshot whose list of layers was lost, which then keeps no layer from being removed", () =>
  inDataRoot(async (dataRoot) => {
    await using storage = await openStorage(dataRoot);
    await using draft = await storage.beginLayer();
    await draft.commit(digestOf("layer"));
    await storage.createSnapshot("s", [digestOf("layer")]);
    writeFileSync(`${dataRoot}/storage/overlay/snapshots/s/layers`, "");
    expect((await storage.health()).map(({ subject }) => subject)).toEqual(["snapshot s"]);
    await expect(storage.mountSnapshot("s")).rejects.toMatchObject({ kind: "corrupt" });
    await storage.removeLayer(digestOf("layer"));
    await storage.removeSnapshot("s");
    expect(await storage.listSnapshots()).toEqual([]);
  }));

test("createSnapshot() takes 500 layers and refuses 501 in a sentence", () =>
  inDataRoot(async (dataRoot) => {
    await (await openStorage(dataRoot))[Symbol.asyncDispose]();
    const layers = Array.from({ length: 501 }, (_, index) => digestOf(String(index)));
    for (const diffId of layers)
      mkdirSync(`${dataRoot}/storage/overlay/layers/${diffId.slice(7)}/fs`, { recursive: true });
    await using opened = await openStorage(dataRoot);
    await opened.createSnapshot("all", layers.slice(0, 500));
    using mounted = await opened.mountSnapshot("all");
    expect(existsSync(`/proc/self/fd/${mounted.mount.fd}/`)).toBe(true);
    await expect(opened.createSnapshot("more", layers)).rejects.toMatchObject({
      kind: "unsupported",
      message: 'cannot create snapshot "more": it has 501 layers, overlay takes at most 500',
    });
  }));

// In memory: ext4 takes up to a millisecond for an inode where many were freed just before.
test("createSnapshot() and mountSnapshot() are quick", () =>
  inDataRoot(async (dataRoot) => {
    await using storage = await openStorage(dataRoot);
    const layers = ["a", "b", "c", "d", "e"].map((name) => digestOf(name));
    for (const diffId of layers) {
      await using draft = await storage.beginLayer();
      await draft.commit(diffId);
    }
    const times: number[] = [];
    for (let index = 0; index < 40; index++) {
      const start = performance.now();
      await storage.createSnapshot(`s${index}`, layers);
      using _ = await storage.mountSnapshot(`s${index}`);
      times.push(performance.now() - start);
    }
    const best = Math.min(...times); // others use the machine too
    console.log(`prepare and mount, 5 layers: ${best.toFixed(3)} ms`);
    expect(best).toBeLessThan(slowness);
  }, "/dev/shm"));

test("mountSnapshot() without lowerdir+ and without a mount helper says how many layers fit when there are more", () =>
  inDataRoot(async (dataRoot) => {
    process.env["TARE_WITHOUT"] = "lowerdir+";
    try {
      await using storage = await openStorage(dataRoot);
      const layers = Array.from({ length: 20 }, (_, index) => digestOf(String(index)));
      for (const diffId of layers) {
        await using draft = await storage.beginLayer();
        await draft.commit(diffId);
      }
      await storage.createSnapshot("few", layers.slice(0, 12));
      using mounted = await storage.mountSnapshot("few");
      expect(mounted.mount.fd).toBeGreaterThan(0);
      await storage.createSnapshot("many", layers);
      await expect(storage.mountSnapshot("many")).rejects.toThrow(
        "cannot mount 20 layers: this kernel takes about 14 at once",
      );
    } finally {
      delete process.env["TARE_WITHOUT"];
    }
  }));
