import { closeSync, openSync, rmSync } from "node:fs";
import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import { findErofsWay, type FoundErofsWay } from "../../linux/erofs/erofs-mount.ts";
import { writeLayerImage } from "../../linux/erofs/layer-image.ts";
import { DriverPaths } from "../disk/driver-paths.ts";
import { openTrash } from "../disk/trash.ts";
import type { DriverOptions, StorageDriver } from "../driver.ts";
import { findOverlayWays, makeOverlayDriver } from "../overlay/overlay-driver.ts";
import { ImageLayers } from "./image-layers.ts";

/**
 * Layers are not unpacked: the driver writes a layer's tar unchanged, and an index behind it with which the kernel
 * mounts it as a read-only file system. Overlay combines these mounts. See openStorage().
 */
export async function openErofsDriver(root: string, options: DriverOptions = {}): Promise<StorageDriver> {
  const paths = new DriverPaths(root);
  const trash = openTrash(paths);
  const { way, reason } = await probe(paths);
  const ways = await findOverlayWays(paths, options);
  return makeOverlayDriver(paths, trash, {
    name: "erofs",
    layers: new ImageLayers(paths, { trash, way }),
    ways,
    openDirectories: options.openDirectories,
    status: [["Layers mounted", way === "file" ? "from their files" : "through loop devices"]],
    warning: reason === undefined ? undefined : slowly(reason),
  });
}

/** Makes and mounts the smallest layer; returns the way in which that went. */
async function probe(paths: DriverPaths): Promise<FoundErofsWay> {
  const path = `${paths.drafts}/probe`;
  rmSync(path, { force: true, recursive: true });
  let file: number | undefined;
  try {
    file = openSync(path, "wx+", 0o600);
    await writeLayerImage(nothing(), file);
    return findErofsWay(file);
  } catch (cause) {
    if (kindOf(cause) === "exhausted") return { way: "loop" }; // on a full disk, removing must still work
    throw new Failure("unsupported", `cannot use the erofs driver here: ${sentenceOf(cause)}`, { cause });
  } finally {
    if (file !== undefined) closeSync(file);
    rmSync(path, { force: true });
  }
}

function slowly(reason: string): string {
  return `the storage driver erofs mounts each layer through a loop device, which is slower than from its file: ${reason}`;
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}
