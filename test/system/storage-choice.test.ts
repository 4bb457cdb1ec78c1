import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { createFilesystem } from "../../src/linux/mount/mount.ts";
import { digestOf } from "../../src/spec/digest.ts";
import { listFormerDrivers, openChosenStorage } from "../../src/storage/choose-driver.ts";

let dataRoot: string;
beforeEach(async () => {
  dataRoot = await mkdtemp("/var/tmp/tare-choice-");
});
afterEach(() => rmSync(dataRoot, { recursive: true, force: true }));

async function open(
  root: string,
  driver?: string,
): Promise<{ name: string; reason: string; warning?: string | undefined }> {
  const { storage, ...choice } = await openChosenStorage(root, { driver });
  await using opened = storage;
  return { name: opened.name, ...choice };
}

async function fill(root: string, driver: string, { container = true } = {}): Promise<void> {
  const { storage } = await openChosenStorage(root, { driver });
  await using opened = storage;
  await using draft = await opened.beginLayer();
  await draft.commit(digestOf("layer"));
  if (container) await opened.createSnapshot("container", [digestOf("layer")]);
}

test("openChosenStorage() takes overlay where it works, and vfs with a warning when that is asked for", async () => {
  expect(await open(dataRoot)).toEqual({ name: "overlay", reason: "it is the fastest that works here" });
  const { warning, ...vfs } = await open(dataRoot, "vfs");
  expect(vfs).toEqual({ name: "vfs", reason: "asked for" });
  expect(warning).toContain("slow");
  expect(await open(dataRoot, "overlay2")).toEqual({ name: "overlay", reason: "asked for as overlay2" });
});

test("openChosenStorage() stays with the driver that images and containers are in", async () => {
  await fill(dataRoot, "vfs");
  expect(readFileSync(`${dataRoot}/storage/driver`, "utf8")).toBe("vfs\n");
  expect(await open(dataRoot)).toMatchObject({
    name: "vfs",
    reason: "the images and containers of this data root are in it",
  });
  await expect(open(dataRoot, "overlay")).rejects.toMatchObject({
    kind: "invalid",
    message:
      `cannot use the storage driver "overlay": the containers in "${dataRoot}" are in "vfs"; ` +
      "start with --storage-driver vfs and remove them first, or with another --data-root",
  });
  expect(existsSync(`${dataRoot}/storage/overlay`)).toBe(false);
  expect((await open(dataRoot, "vfs")).name).toBe("vfs");
});

test("openChosenStorage() lets the driver of images alone be changed, and remembers it", async () => {
  await fill(dataRoot, "vfs", { container: false });
  expect(await open(dataRoot, "erofs")).toMatchObject({
    name: "erofs",
    reason: "asked for; the images that were in vfs are unpacked again when they are needed",
  });
  expect((await open(dataRoot)).name).toBe("erofs");
  expect(listFormerDrivers(dataRoot, "erofs")).toEqual(["vfs"]);
});

test("openChosenStorage() knows the driver of a data root that has no note of it", async () => {
  await fill(dataRoot, "vfs");
  rmSync(`${dataRoot}/storage/driver`);
  expect((await open(dataRoot)).name).toBe("vfs");
});

test("openChosenStorage() refuses a name that is none, and leaves nothing", async () => {
  await expect(open(dataRoot, "constructor")).rejects.toMatchObject({ kind: "invalid" });
  expect(existsSync(`${dataRoot}/storage`)).toBe(false);
});

test("openChosenStorage() takes vfs on a file system that overlay can't write to, and says why", async () => {
  using onOverlay = overlayMount();
  const root = `/proc/self/fd/${onOverlay.fd}`;
  const choice = await open(root);
  expect(choice.name).toBe("vfs");
  expect(choice.reason).toMatch(/^cannot use the overlay driver here: .*upper/);
  expect(choice.warning).toContain("slow");
  await expect(open(root, "overlay")).rejects.toMatchObject({ kind: "unsupported" });
});

/** The kernel refuses an upper directory on another overlay. */
function overlayMount(): OwnedFd {
  for (const name of ["l", "u", "w"]) mkdirSync(`${dataRoot}/${name}`);
  return createFilesystem("overlay", [
    ["lowerdir", `${dataRoot}/l`],
    ["upperdir", `${dataRoot}/u`],
    ["workdir", `${dataRoot}/w`],
  ]);
}
