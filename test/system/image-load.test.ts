import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  createReadStream,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { type ContentStore, openContentStore } from "../../src/image/content-store.ts";
import { importRootfs } from "../../src/image/import.ts";
import { loadArchive } from "../../src/image/load.ts";
import type { LoadedImage, LoadSink } from "../../src/image/loaded-image.ts";
import { formatFamiliar, parseReference } from "../../src/spec/reference.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import {
  busyboxArchive,
  busyboxRootfsTar,
  debianArchive,
  dockerArchiveMembers,
  tarOf,
} from "../support/images.ts";

let dataRoot: string;
let store: ContentStore;
let storage: StorageDriver;
let images: LoadedImage[];
let mountsBefore: string;
beforeEach(async () => {
  mountsBefore = overlayMounts();
  dataRoot = await mkdtemp("/var/tmp/tare-image-");
  store = await openContentStore(dataRoot);
  storage = await openStorage(dataRoot);
  images = [];
});
afterEach(async () => {
  await storage[Symbol.asyncDispose]();
  rmSync(dataRoot, { recursive: true, force: true });
  expect(overlayMounts()).toBe(mountsBefore);
});

/** Of what is on the host's table, the part that could be ours. */
function overlayMounts(): string {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.filter((line) => line.includes(" - overlay ") || line.includes("/tare-image-")).join("\n");
}

/** What the engine does: joins image and storage. */
const sink: LoadSink = {
  hasLayer: (diffId) => storage.hasLayer(diffId),
  ensureLayer: async (diffId, tar) => {
    await using draft = await storage.beginLayer();
    await draft.apply(tar.open());
    await draft.commit(diffId);
  },
  addImage: async (image) => void images.push(image),
};

async function loadFile(path: string): Promise<LoadedImage> {
  for await (const _ of loadArchive(createReadStream(path), { store, sink }));
  return images[0] as LoadedImage;
}

async function expectBusybox(image: LoadedImage): Promise<void> {
  await storage.createSnapshot("s", image.config.diffIds);
  using mounted = await storage.mountSnapshot("s");
  const root = `/proc/self/fd/${mounted.mount.fd}`;
  expect(readdirSync(root)).toEqual(expect.arrayContaining(["bin", "etc", "tmp", "proc"]));
  expect(lstatSync(`${root}/tmp`).mode & 0o7777).toBe(0o1777);
  expect(readlinkSync(`${root}/bin/sh`)).toBe("/bin/busybox");
  // The program is whole: it runs.
  expect(
    execFileSync(`/proc/${process.pid}/fd/${mounted.mount.fd}/bin/busybox`, ["echo", "hello"], {
      encoding: "utf8",
    }),
  ).toBe("hello\n");
}

describe("loadArchive() into real storage", () => {
  test.each(["docker", "oci-gzip", "oci-zstd"] as const)("busybox from %s", async (format) => {
    const image = await loadFile(busyboxArchive(format));
    expect(image.references.map(formatFamiliar)).toEqual(["busybox:latest"]);
    expect(storage.listLayers()).toEqual([...image.config.diffIds]);
    await expectBusybox(image);
  });

  test("the same image twice at once", async () => {
    const path = busyboxArchive("oci-gzip");
    await Promise.all([loadFile(path), loadFile(path), loadFile(busyboxArchive("docker"))]);
    expect(new Set(images.map(({ config }) => config.diffIds[0])).size).toBe(1);
    expect(storage.listLayers()).toHaveLength(1);
    await expectBusybox(images[0] as LoadedImage);
    await storage.settle();
    expect(await storage.health()).toEqual([]);
  });

  test("a layer whose content breaks the rules leaves no image, no layer, no blob", async () => {
    const good = tarOf([["a", "1"]]);
    const evil = Buffer.concat([tarOf([["../../escape", "x"]])]);
    const archive = tarOf(
      dockerArchiveMembers([
        { layers: [evil], names: ["evil:1"] },
        { layers: [good], names: ["good:1"] },
      ]),
    );
    const loading = (async () => {
      for await (const _ of loadArchive(once(archive), { store, sink }));
    })();
    await expect(loading).rejects.toMatchObject({ kind: "invalid" });
    expect(images).toEqual([]);
    expect(await store.list()).toEqual([]);
    expect(readdirSync(`${dataRoot}/storage/overlay/drafts`)).toEqual([]);
  });

  test.skipIf(!existsSync("/usr/bin/mmdebstrap"))(
    "debian from docker-archive, new layout (needs mmdebstrap)",
    async () => {
      const image = await loadFile(debianArchive() as string);
      await storage.createSnapshot("s", image.config.diffIds);
      using mounted = await storage.mountSnapshot("s");
      const release = readFileSync(`/proc/self/fd/${mounted.mount.fd}/usr/lib/os-release`, "utf8");
      expect(release).toContain("Debian");
    },
    300_000,
  );
});

test("importRootfs() of busybox's root file system", async () => {
  const source = createReadStream(busyboxRootfsTar());
  const changes = ['CMD ["sh"]'];
  for await (const _ of importRootfs(source, {
    store,
    sink,
    changes,
    reference: parseReference("busybox:imported"),
  }));
  expect(images[0]?.config.defaults.cmd).toEqual(["sh"]);
  await expectBusybox(images[0] as LoadedImage);
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
