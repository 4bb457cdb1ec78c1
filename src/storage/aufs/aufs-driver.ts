import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { gunzipSync } from "node:zlib";
import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import { mountAufs, parseBranchLimit } from "../../linux/mount/aufs-mount.ts";
import { O_DIRECTORY, O_RDONLY } from "../../linux/constants/open.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import {
  createFilesystem,
  hasFilesystem,
  type MountKernel,
  setMountAttributes,
} from "../../linux/mount/mount.ts";
import { openBeneath, openDirectoryPath } from "../../linux/files/open.ts";
import type { MountSource } from "../../linux/mount/mount-helper.ts";
import { trySetXattr } from "../../linux/files/xattr.ts";
import { LayerDirectory } from "../disk/layer-directory.ts";
import { DriverPaths } from "../disk/driver-paths.ts";
import { openTrash } from "../disk/trash.ts";
import { UnionDriver, type UnionMount } from "../disk/union-driver.ts";
import { UnpackedLayers } from "../disk/union-layers.ts";
import type { DriverOptions, StorageDriver } from "../driver.ts";

/** The kernel's default configuration. */
const usualBranchLimit = 127;

/**
 * As overlay, with the file system that Docker began with: whiteouts are files, `.wh.NAME` and `.wh..wh..opq`, in
 * layers as in what a container has changed. Of no stock kernel: where the patches of aufs are. See openStorage().
 */
export async function openAufsDriver(
  root: string,
  {
    kernel,
    openDirectories,
  }: Pick<DriverOptions, "openDirectories"> & { readonly kernel?: MountKernel | undefined } = {},
): Promise<StorageDriver> {
  const options = kernel === undefined ? {} : { kernel };
  if (!hasFilesystem("aufs", options)) throw missing();
  const paths = new DriverPaths(root);
  const trash = openTrash(paths);
  const branchLimit = findBranchLimit();
  using undo = new DisposableStack();
  // Gone with the last mount that uses it. In memory: it is written to at each first look at a file, also where the
  // disk is full.
  const xinos = undo.use(createFilesystem("tmpfs", [["mode", "0700"]], { source: "tare-xino" }));
  const mount = async ({ lowers, writable, usernsFd }: UnionMount): Promise<OwnedFd> => {
    const above = writable === undefined ? [] : [{ fd: writable.fd, path: writable.upper }];
    const branches = [...above, ...lowers].map(procPath);
    if (branches.length > branchLimit) throw tooMany(branches.length, branchLimit);
    using mounted = mountAufs(
      {
        branches: branches.length === 0 ? [paths.empty] : branches,
        isWritable: writable !== undefined,
        xino: `/proc/self/fd/${xinos.fd}/${randomBytes(12).toString("hex")}`,
      },
      options,
    );
    if (usernsFd !== undefined) shiftIds(mounted.fd, usernsFd);
    return new OwnedFd(mounted.move());
  };
  const hasXattrs = await probe(paths, mount);
  const driver = new UnionDriver(paths, trash, {
    name: "aufs",
    layers: new UnpackedLayers(paths, new LayerDirectory(paths, trash, { marks: "aufs" })),
    marks: "aufs",
    maxLayers: branchLimit - 1,
    openDirectories,
    hasWork: false,
    shifts: "mount",
    status: [
      ["Root Dir", root],
      ["Dirperm1 Supported", "true"],
      ["Extended attributes", hasXattrs ? "true" : "false: the kernel's aufs is without CONFIG_AUFS_XATTR"],
      ["Branches at most", String(branchLimit)],
    ],
    mount,
    isOwn: (name) => name.startsWith(".wh..wh.") && name !== ".wh..wh..opq",
    // As Docker's aufs.
    describe: async () => ({}),
    dispose: () => xinos[Symbol.dispose](),
  });
  undo.move();
  return driver;
}

function missing(): Failure {
  return new Failure(
    "unsupported",
    'cannot use the aufs driver here: this kernel has no file system "aufs", and no module of that name (modprobe aufs): ' +
      "no stock kernel has it, only one that was built with the patches of aufs-standalone; " +
      "overlay does the same with every kernel, erofs, btrfs and vfs are further storage drivers",
  );
}

function tooMany(count: number, limit: number): Failure {
  return new Failure(
    "unsupported",
    `cannot mount ${count} branches: this kernel's aufs takes ${limit} (CONFIG_AUFS_BRANCH_MAX)`,
  );
}

/** Mounts once what all later mounts look like. Whether files have extended attributes. */
async function probe(paths: DriverPaths, mount: (order: UnionMount) => Promise<OwnedFd>): Promise<boolean> {
  for (const name of ["lower", "upper"])
    mkdirSync(`${paths.probe}/${name}`, { recursive: true, mode: 0o700 });
  using opened = openDirectoryPath(paths.probe);
  try {
    const lowers = [{ fd: opened.fd, path: "lower" }];
    using mounted = await mount({ lowers, writable: { fd: opened.fd, upper: "upper", work: "work" } });
    // KERNEL: the descriptor of fsmount(2) is as of O_PATH, which fsetxattr(2) refuses.
    using top = openBeneath(mounted.fd, ".", O_RDONLY | O_DIRECTORY);
    return trySetXattr(top.fd, "trusted.tare.probe", Uint8Array.of(1));
  } catch (cause) {
    if (kindOf(cause) === "exhausted") return true; // on a full disk, removing must still work
    throw new Failure("unsupported", `cannot use the aufs driver here: ${sentenceOf(cause)}`, { cause });
  }
}

/**
 * KERNEL: aufs's own FS_ALLOW_IDMAP is commented out, as untested: a kernel whose builder switched it on is believed.
 */
function shiftIds(mount: Fd, usernsFd: Fd): void {
  try {
    setMountAttributes(mount, { usernsFd });
  } catch (cause) {
    throw new Failure(
      "unsupported",
      `cannot show the image's files with the ids of a user namespace: ${sentenceOf(cause)}: aufs does not support idmapped mounts; the storage driver overlay does`,
      { cause },
    );
  }
}

function findBranchLimit(): number {
  const readers = [
    () => gunzipSync(readFileSync("/proc/config.gz")).toString("latin1"),
    () => readFileSync(`/boot/config-${release()}`, "latin1"),
  ];
  for (const read of readers) {
    try {
      const limit = parseBranchLimit(read());
      if (limit !== undefined) return limit;
    } catch {
      // Some kernels do not report it.
    }
  }
  return usualBranchLimit;
}

/** SAFETY: the path below the descriptor is ours alone. */
function procPath({ fd, path }: MountSource): string {
  return `/proc/self/fd/${fd}/${path}`;
}
