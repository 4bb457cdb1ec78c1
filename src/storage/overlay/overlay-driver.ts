import { mkdirSync } from "node:fs";
import { kindOf } from "../../base/failure.ts";
import type { MountSource } from "../../linux/mount/mount-helper.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { LayerDirectory } from "../disk/layer-directory.ts";
import { DriverPaths } from "../disk/driver-paths.ts";
import { openTrash, type Trash } from "../disk/trash.ts";
import { UnionDriver } from "../disk/union-driver.ts";
import { UnpackedLayers, type UnionLayers } from "../disk/union-layers.ts";
import type { DriverOptions, StorageDriver } from "../driver.ts";
import { openIdmappedLayers } from "./idmapped-layers.ts";
import { findLowerForm, type LowerForm, maxLowers, mountOverlay, type OverlayWays } from "./overlay-mount.ts";

/** See openStorage(). */
export async function openOverlayDriver(root: string, options: DriverOptions = {}): Promise<StorageDriver> {
  const paths = new DriverPaths(root);
  const trash = openTrash(paths);
  const ways = await findOverlayWays(paths, options);
  const layers = new LayerDirectory(paths, trash);
  return makeOverlayDriver(paths, trash, {
    name: "overlay",
    layers: new UnpackedLayers(paths, layers, openIdmappedLayers),
    ways,
    openDirectories: options.openDirectories,
  });
}

export interface OverlayForm {
  readonly openDirectories: DriverOptions["openDirectories"];
  readonly name: string;
  readonly layers: UnionLayers;
  readonly ways: OverlayWays;
  /** More of `status`. */
  readonly status?: StorageDriver["status"] | undefined;
  readonly warning?: string | undefined;
}

/** Overlay above layers in whatever form. */
export function makeOverlayDriver(
  paths: DriverPaths,
  trash: Trash,
  { name, layers, ways, openDirectories, status = [], warning }: OverlayForm,
): StorageDriver {
  return new UnionDriver(paths, trash, {
    name,
    layers,
    marks: "overlay",
    maxLayers: maxLowers,
    openDirectories,
    // A copied-up file is created there, and renamed into the upper directory.
    hasWork: true,
    warning,
    status: [
      ["Supports d_type", "true"],
      ["Using metacopy", "false"],
      ["Native Overlay Diff", "true"],
      ["userxattr", "false"],
      ...status,
    ],
    mount: async ({ lowers, writable }) => {
      const { empty } = paths;
      if (writable === undefined) return await mountOverlay({ lowers, empty }, ways);
      const { fd, upper, work } = writable;
      const above = { upper: { fd, path: upper }, work: { fd, path: work } };
      return await mountOverlay({ lowers, writable: above, empty }, ways);
    },
  });
}

/** Throws "unsupported" where overlay can't be used. */
export async function findOverlayWays(
  paths: DriverPaths,
  { mountHelper }: DriverOptions,
): Promise<OverlayWays> {
  return { form: await probe(paths), mountHelper };
}

/** Mounts once what all later mounts look like. */
async function probe({ probe: directory, empty }: DriverPaths): Promise<LowerForm> {
  for (const name of ["lower", "upper", "work"])
    mkdirSync(`${directory}/${name}`, { recursive: true, mode: 0o700 });
  using opened = openDirectoryPath(directory);
  const at = (path: string): MountSource => ({ fd: opened.fd, path });
  const lowers = [at("lower")];
  try {
    return await findLowerForm({ lowers, writable: { upper: at("upper"), work: at("work") }, empty });
  } catch (thrown) {
    // KERNEL: a writable mount creates a directory in "work". When the disk has no space for it, removing must still
    // work.
    if (kindOf(thrown) !== "exhausted") throw thrown;
    return await findLowerForm({ lowers, empty });
  }
}
