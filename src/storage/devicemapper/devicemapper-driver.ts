import { mkdirSync, readdirSync } from "node:fs";
import { formatByteSize } from "../../base/byte-size.ts";
import { Failure, kindOf, within } from "../../base/failure.ts";
import { openDeviceMapper } from "../../linux/device-mapper/device-mapper.ts";
import { DeviceNodes } from "../../linux/device-mapper/device-nodes.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { mergeLayer } from "../../linux/tree/tree.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import type { Digest } from "../../spec/digest.ts";
import { FullTreeDriver } from "../disk/full-tree-driver.ts";
import { LayerDirectory } from "../disk/layer-directory.ts";
import { DriverPaths } from "../disk/driver-paths.ts";
import { SnapshotDirectory } from "../disk/snapshot-directory.ts";
import { openTrash } from "../disk/trash.ts";
import { type ViewContent, Views } from "../disk/views.ts";
import type { DriverOptions, StorageDriver } from "../driver.ts";
import { parseDevicemapperOptions } from "./devicemapper-options.ts";
import { PoolFiles } from "./pool-files.ts";
import { type Base, devicePrefix, openSettings, writeSettings } from "./pool-settings.ts";
import { openFilePool, openForeignPool, type ThinPool } from "./thin-pool.ts";
import { findVolume, ThinVolumes, writeVolume } from "./thin-volumes.ts";
import { getVolume, makeBase, takeLook, VolumeTrees } from "./volume-trees.ts";

/** As Docker's. */
const usualBaseBytes = 10 * 2 ** 30;

/**
 * Each view of layers and each snapshot is a file system on its own volume in a thin pool. A view is a snapshot of the
 * view below it with one layer merged into it; a container's snapshot is a snapshot of its view. All blocks that were
 * not rewritten are shared. See openStorage().
 */
export async function openDevicemapperDriver(
  root: string,
  { storageOptions = [], openDirectories }: Pick<DriverOptions, "storageOptions" | "openDirectories"> = {},
): Promise<StorageDriver> {
  const options = parseDevicemapperOptions(storageOptions);
  await using opened = new AsyncDisposableStack();
  const nodes = opened.use(new DeviceNodes());
  const { pool, volumes, base } = await openPool().catch((thrown: unknown) => {
    throw kindOf(thrown) === "invalid" ? thrown : within("cannot use the devicemapper driver here", thrown);
  });
  const trees = new VolumeTrees(volumes, { nodes, base });
  const paths = new DriverPaths(root);
  await volumes.sweep(new Set([base.id, ...listVolumeIds(paths)]), base);
  const trash = openTrash(paths, { shortcut: async (directory) => await removeVolume(directory, volumes) });
  const layers = new LayerDirectory(paths, trash);
  const snapshots = new SnapshotDirectory(paths, trash, { openDirectories });
  const views: Views = new Views(paths, {
    layers,
    trash,
    make: async (path, content) =>
      await makeView(path, { content, views, paths, pool, volumes, trees, base }),
  });
  const held = opened.move();
  return new FullTreeDriver(paths, trash, {
    name: "devicemapper",
    get status() {
      return describePool(pool, { base, deferred: trash.inUse });
    },
    layers,
    snapshots,
    views,
    access: trees,
    sharesBlocks: true,
    makeTree: async (path: string, ids: readonly Digest[], { sizeBytes }) => {
      await pool.requireSpace();
      const of = getVolume(await views.ensure(ids));
      if (sizeBytes !== undefined) requireQuotas(base);
      mkdirSync(path, 0o700);
      // A snapshot that would not fit into the usual size gets a larger volume.
      const grows = sizeBytes !== undefined && sizeBytes > base.bytes / 2;
      const bytes = grows ? Math.ceil((base.bytes + sizeBytes * 1.1) / 65_536) * 65_536 : of.bytes;
      const volume = await volumes.create(bytes, { of, note: (made) => writeVolume(path, made) });
      if (sizeBytes !== undefined) await trees.limit(volume, { bytes: sizeBytes, grows });
    },
    describe: async (of) => {
      const path = "snapshot" in of ? `${paths.snapshot(of.snapshot)}/fs` : views.find(of.layers);
      const volume = path === undefined ? undefined : findVolume(path);
      if (volume === undefined) return {};
      return {
        DeviceId: String(volume.id),
        DeviceName: volumes.nameOf(volume),
        DeviceSize: String(volume.bytes),
      };
    },
    findings: () => pool.findings(),
    close: async () => await held.disposeAsync(),
  });

  async function openPool(): Promise<{
    pool: ThinPool;
    volumes: ThinVolumes;
    base: Base;
  }> {
    const mapper = opened.use(openDeviceMapper(nodes, { target: "thin-pool" }));
    const directory = `${root}/pool`;
    const settings = openSettings(directory, options);
    const prefix = devicePrefix(settings, directory);
    const given = { mapper, nodes, options };
    const pool = opened.use(
      settings.thinPoolDevice === undefined
        ? await openFilePool(new PoolFiles(directory), { ...given, name: `${prefix}-pool` })
        : openForeignPool({ ...given, name: settings.thinPoolDevice }),
    );
    const volumes = new ThinVolumes(pool, { mapper, nodes, prefix, ids: `${directory}/ids` });
    if (settings.base !== undefined) return { pool, volumes, base: settings.base };
    const { filesystem = "ext4", baseBytes = usualBaseBytes } = options;
    const bytes = Math.floor(baseBytes / 65_536) * 65_536;
    const base = await makeBase(volumes, { nodes, bytes, filesystem });
    writeSettings(directory, { ...settings, base });
    return { pool, volumes, base };
  }
}

/**
 * The common lower layers of several images are merged once: a view starts as a snapshot of the longest existing view
 * of its lower layers.
 */
async function makeView(
  path: string,
  {
    content: { visible, root },
    views,
    paths,
    pool,
    volumes,
    trees,
    base,
  }: {
    readonly content: ViewContent;
    readonly views: Views;
    readonly paths: DriverPaths;
    readonly pool: ThinPool;
    readonly volumes: ThinVolumes;
    readonly trees: VolumeTrees;
    readonly base: Base;
  },
): Promise<void> {
  await pool.requireSpace();
  const below = (count: number): ViewContent => ({ visible: visible.slice(0, count), root: paths.empty });
  let count = visible.length - 1;
  while (count > 1 && !views.has(below(count))) count--;
  const of = count > 0 ? getVolume(await views.ensureContent(below(count))) : base;
  mkdirSync(path, 0o700);
  const volume = await volumes.create(of.bytes, { of, note: (made) => writeVolume(path, made) });
  try {
    await trees.change(volume, async (into) => {
      takeLook(into, root);
      for (const diffId of visible.slice(Math.max(count, 0))) {
        using layer = openDirectoryPath(`${paths.layer(diffId)}/fs`);
        await mergeLayer(layer.fd, into, { files: "copy" });
      }
    });
  } catch (thrown) {
    // The pool reports exhausted space as an error of its own.
    await pool.requireSpace();
    throw thrown;
  }
}

function requireQuotas({ filesystem, hasQuotas }: Base): void {
  if (hasQuotas) return;
  const why =
    filesystem === "xfs"
      ? "its file system is xfs; the project quota of ext4 does it (dm.fs=ext4, with a new --data-root)"
      : "this kernel has no project quotas for ext4 (CONFIG_QFMT_V2)";
  throw new Failure("unsupported", `cannot limit its size: ${why}`);
}

/** The volume that a directory on its way out stands for; layers stand for none. */
async function removeVolume(directory: Fd, volumes: ThinVolumes): Promise<void> {
  const volume = findVolume(`/proc/self/fd/${directory}/fs`);
  if (volume !== undefined) await volumes.remove(volume);
}

/** Of everything that has a volume, or had one when it was thrown away. */
function listVolumeIds(paths: DriverPaths): readonly number[] {
  return [paths.snapshots, `${paths.root}/views`, paths.drafts, paths.trash].flatMap((directory) => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return readdirSync(directory).flatMap((name) => findVolume(`${directory}/${name}/fs`)?.id ?? []);
  });
}

function describePool(
  pool: ThinPool,
  { base, deferred }: { readonly base: Base; readonly deferred: number },
): StorageDriver["status"] {
  const use = pool.use();
  const { files } = pool;
  const least = (use.dataTotalBytes * pool.leastFreePercent) / 100;
  return [
    ["Pool Name", pool.name],
    ["Pool Blocksize", formatByteSize(pool.blockSectors * 512)],
    ["Base Device Size", formatByteSize(base.bytes)],
    ["Backing Filesystem", base.filesystem],
    ["Data Space Used", formatByteSize(use.dataUsedBytes)],
    ["Data Space Total", formatByteSize(use.dataTotalBytes)],
    ["Data Space Available", formatByteSize(pool.availableBytes(use))],
    ["Metadata Space Used", formatByteSize(use.metadataUsedBytes)],
    ["Metadata Space Total", formatByteSize(use.metadataTotalBytes)],
    ["Metadata Space Available", formatByteSize(use.metadataTotalBytes - use.metadataUsedBytes)],
    ["Thin Pool Minimum Free Space", formatByteSize(least)],
    ["Deferred Removal Enabled", "true"],
    ["Deferred Deletion Enabled", "true"],
    ["Deferred Deleted Device Count", String(deferred)],
    ...(files === undefined
      ? []
      : ([
          ["Data loop file", files.data],
          ["Metadata loop file", files.metadata],
        ] as const)),
    ["Size limits", base.hasQuotas ? "project quota" : `no: ${base.filesystem} without project quotas`],
  ];
}
