import { chmodSync, chownSync, statSync } from "node:fs";
import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import {
  BTRFS_SUPER_MAGIC,
  createSubvolume,
  destroySubvolume,
  hasQuotas,
  limitSubvolume,
  snapshotSubvolume,
  subvolumeOf,
  waitUntilDropped,
} from "../../linux/btrfs/btrfs.ts";
import { findSnapshotChanges } from "../../linux/btrfs/changes.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { filesystemMagic, filesystemName } from "../../linux/mount/filesystem-status.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import { openBeneath, openDirectoryPath } from "../../linux/files/open.ts";
import { findStatAt } from "../../linux/files/stat.ts";
import { mergeLayer } from "../../linux/tree/tree.ts";
import type { Digest } from "../../spec/digest.ts";
import { FullTreeDriver } from "../disk/full-tree-driver.ts";
import { LayerDirectory } from "../disk/layer-directory.ts";
import { DriverPaths } from "../disk/driver-paths.ts";
import { SnapshotDirectory } from "../disk/snapshot-directory.ts";
import { openTrash } from "../disk/trash.ts";
import { type ViewContent, Views } from "../disk/views.ts";
import type { DriverOptions, StorageDriver } from "../driver.ts";

/** The longest wait for the disk space of a subvolume, once. */
const DROP_MS = 30_000;

/**
 * A layer is a subvolume of its own; a view of layers is another one, made once of reflinks to the layers' files; a
 * snapshot is btrfs's own snapshot of that: made in one step. All of them are removed in one step, however many files
 * are in them. See openStorage().
 */
export async function openBtrfsDriver(
  root: string,
  { openDirectories }: Pick<DriverOptions, "openDirectories"> = {},
): Promise<StorageDriver> {
  const paths = new DriverPaths(root);
  // Layers and snapshots in the trash have their subvolume at "fs", which one call removes. The rest is removed as a
  // directory: layers of earlier versions, and subvolumes in which a container has created others.
  const dropped = new Set<bigint>();
  const trash = openTrash(paths, {
    shortcut: async (directory) => {
      const id = findSubvolume(directory, "fs");
      if (await destroySubvolume(directory, "fs")) if (id !== undefined) dropped.add(id);
    },
  });
  using directory = openDirectoryPath(paths.root);
  await probe(directory.fd);
  const layers = new LayerDirectory(paths, trash, { makeTree: createSubvolume });
  const views: Views = new Views(paths, {
    layers,
    trash,
    make: async (path, content) => await makeView(path, { content, views, paths }),
  });
  return new FullTreeDriver(paths, trash, {
    name: "btrfs",
    status: [
      ["Backing Filesystem", filesystemName(directory.fd)],
      [
        "Size limits",
        `quota group (${hasQuotas(directory.fd) ? "quotas are on" : "quotas are switched on with the first limit"})`,
      ],
    ],
    layers,
    snapshots: new SnapshotDirectory(paths, trash, { openDirectories }),
    views,
    sharesBlocks: true,
    makeTree: async (path: string, ids: readonly Digest[], { sizeBytes }) => {
      await snapshotDirectory(await views.ensure(ids), path);
      if (sizeBytes === undefined) return;
      using made = openDirectoryPath(path);
      await limitSubvolume(made.fd, sizeBytes);
    },
    findChanges: findSnapshotChanges,
    awaitSpace: async () => {
      const ids = [...dropped];
      dropped.clear();
      using root = openDirectoryPath(paths.root);
      await waitUntilDropped(root.fd, { ids, timeoutMs: DROP_MS }).catch((thrown: unknown) => {
        if (kindOf(thrown) !== "deadline") throw thrown;
      });
    },
    // As Docker's btrfs.
    describe: async () => ({}),
  });
}

/** Undefined where it is not there, or a directory like others. */
function findSubvolume(parent: Fd, name: string): bigint | undefined {
  if (findStatAt(parent, name)?.kind !== "directory") return undefined;
  using tree = openBeneath(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const id = subvolumeOf(tree.fd);
  return id === subvolumeOf(parent) ? undefined : id;
}

/** Makes, snapshots and destroys what all later ones look like. */
async function probe(directory: Fd): Promise<void> {
  const name = "probe";
  try {
    if (filesystemMagic(directory) !== BTRFS_SUPER_MAGIC) {
      throw new Failure("unsupported", `the data root is on ${filesystemName(directory)}, not on btrfs`);
    }
    await destroySubvolume(directory, name); // an earlier life's
    await createSubvolume(directory, name);
    if (!(await destroySubvolume(directory, name)))
      throw new Failure("unsupported", "subvolumes can't be removed");
  } catch (cause) {
    if (cause instanceof Failure && cause.kind === "exhausted") return;
    throw new Failure("unsupported", `cannot use the btrfs driver here: ${sentenceOf(cause)}`, { cause });
  }
}

/**
 * The common lower layers of several images are merged once: a view starts as a snapshot of the longest existing view
 * of its lower layers, or of its lowest layer.
 */
async function makeView(
  path: string,
  {
    content,
    views,
    paths,
  }: { readonly content: ViewContent; readonly views: Views; readonly paths: DriverPaths },
): Promise<void> {
  const { visible, root } = content;
  const below = (count: number): ViewContent => ({ visible: visible.slice(0, count), root: paths.empty });
  let count = visible.length - 1;
  while (count > 1 && !views.has(below(count))) count--;
  if (count > 0) {
    await snapshotDirectory(await views.ensureContent(below(count)), path);
  } else {
    const [parent, name] = splitPath(path);
    using directory = openDirectoryPath(parent);
    await createSubvolume(directory.fd, name);
  }
  const { uid, gid, mode } = statSync(root);
  chownSync(path, uid, gid);
  chmodSync(path, mode & 0o7777);
  using into = openDirectoryPath(path);
  for (const diffId of visible.slice(Math.max(count, 0))) {
    using layer = openDirectoryPath(`${paths.layer(diffId)}/fs`);
    await mergeLayer(layer.fd, into.fd, { files: "copy" });
  }
}

async function snapshotDirectory(source: string, path: string): Promise<void> {
  const [parent, name] = splitPath(path);
  using from = openDirectoryPath(source);
  using directory = openDirectoryPath(parent);
  await snapshotSubvolume(from.fd, directory.fd, name);
}

function splitPath(path: string): readonly [parent: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, slash), path.slice(slash + 1)];
}
