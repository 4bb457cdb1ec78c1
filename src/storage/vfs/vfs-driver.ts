import { filesystemName } from "../../linux/mount/filesystem-status.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { mergeLayer } from "../../linux/tree/tree.ts";
import type { Digest } from "../../spec/digest.ts";
import { FullTreeDriver } from "../disk/full-tree-driver.ts";
import { LayerDirectory, makeRoot } from "../disk/layer-directory.ts";
import { DriverPaths } from "../disk/driver-paths.ts";
import { describeSizeLimits, limitSize } from "../disk/size-limit.ts";
import { SnapshotDirectory } from "../disk/snapshot-directory.ts";
import { openTrash } from "../disk/trash.ts";
import { type ViewContent, Views } from "../disk/views.ts";
import type { DriverOptions, StorageDriver } from "../driver.ts";

/**
 * Each snapshot is a full copy of its layers, in a plain directory: it needs no kernel feature, but time and space. A
 * view of layers consists of hard links to their files, so it needs almost no space. A size limit counts the copy, too:
 * the driver cannot distinguish written data from the image's. See openStorage().
 */
export async function openVfsDriver(
  root: string,
  { openDirectories }: Pick<DriverOptions, "openDirectories"> = {},
): Promise<StorageDriver> {
  const paths = new DriverPaths(root);
  const trash = openTrash(paths);
  const layers = new LayerDirectory(paths, trash);
  const merge = async (
    path: string,
    { visible, root: from }: ViewContent,
    { files, sizeBytes }: { readonly files: "copy" | "link"; readonly sizeBytes?: number | undefined },
  ): Promise<void> => {
    makeRoot(path, from);
    using into = openDirectoryPath(path);
    if (sizeBytes !== undefined) limitSize([into.fd], sizeBytes);
    for (const diffId of visible) {
      using layer = openDirectoryPath(`${paths.layer(diffId)}/fs`);
      await mergeLayer(layer.fd, into.fd, { files });
    }
  };
  const make = async (path: string, content: ViewContent): Promise<void> =>
    await merge(path, content, { files: "link" });
  using directory = openDirectoryPath(paths.layers);
  return new FullTreeDriver(paths, trash, {
    name: "vfs",
    status: [
      ["Backing Filesystem", filesystemName(directory.fd)],
      ["Size limits", describeSizeLimits(directory.fd)],
    ],
    layers,
    snapshots: new SnapshotDirectory(paths, trash, { openDirectories }),
    views: new Views(paths, { layers, trash, make }),
    sharesBlocks: false,
    makeTree: async (path: string, ids: readonly Digest[], options) => {
      const visible = layers.visibleOf(ids).toReversed();
      await merge(path, { visible, root: layers.rootOf(ids) }, { files: "copy", ...options });
    },
    // As Docker's vfs.
    describe: async () => ({}),
  });
}
