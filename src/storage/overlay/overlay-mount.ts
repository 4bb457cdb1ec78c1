import { statfsSync } from "node:fs";
import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import { hasFeature } from "../../linux/features.ts";
import {
  cloneTree,
  createFilesystem,
  type FilesystemParameter,
  setMountAttributes,
} from "../../linux/mount/mount.ts";
import { MOUNT_ATTR_RDONLY } from "../../linux/constants/mount.ts";
import { OwnedFd } from "../../linux/kernel/fd.ts";
import { filesystemStatus } from "../../linux/mount/filesystem-status.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { isForcedAbsent } from "../../linux/kernel/without.ts";
import type { MountSource, MountHelper } from "../../linux/mount/mount-helper.ts";

/** The kernel's OVL_MAX_STACK. */
export const maxLowers = 500;

/** Directories that only Tare can access; lowers are from the topmost to the lowest. */
export interface OverlayDirectories {
  readonly lowers: readonly MountSource[];
  /** Absent: read-only. `work` is empty and below the same descriptor as `upper`. */
  readonly writable?: { readonly upper: MountSource; readonly work: MountSource } | undefined;
  /** An empty directory, for where the kernel wants one more lower than there is. */
  readonly empty: string;
}

/**
 * - `index=off`: that two mounts never share an upper is our lock's work; an index costs a file a copied-up hard link
 *   and binds an upper to its lowers' file handles, so that a restored backup would be refused (ESTALE).
 * - `metacopy=off`: a copied-up file in the upper must be whole, because diff and commit read it there.
 * - `redirect_dir=nofollow`: renaming a layer's directory is EXDEV, as in Docker (mv(1) then copies), and no
 *   `trusted.overlay.redirect` in a layer, however it came there, is ever followed to another directory.
 * Not `volatile`: it would turn a database's fsync in a container into nothing.
 * SPEC: Documentation/filesystems/overlayfs.rst
 */
const fixedParameters: readonly (readonly [string, string])[] = [
  ["index", "off"],
  ["metacopy", "off"],
  ["redirect_dir", "nofollow"],
];

/**
 * How lowers are named. KERNEL(6.7): "append", one `lowerdir+` each; before only "join", one `lowerdir` of all, which
 * fsconfig(2) limits to 255 bytes: some 14 layers. What does not fit is mounted in the mount helper.
 */
export type LowerForm = "append" | "join";

export interface OverlayWays {
  readonly form: LowerForm;
  /** For what this kernel does not do with detached mounts; absent: that is refused. */
  readonly mountHelper?: MountHelper | undefined;
}

/** A new overlay, detached. Throws "unsupported" for more lowers than this kernel takes. */
export async function mountOverlay(directories: OverlayDirectories, ways: OverlayWays): Promise<OwnedFd> {
  const { lowers, writable, empty } = directories;
  if (lowers.length > maxLowers) {
    throw new Failure(
      "unsupported",
      `cannot mount ${lowers.length} layers: overlay takes at most ${maxLowers}`,
    );
  }
  if (lowers.length === 0 && writable === undefined) return readOnlyTree(empty);
  // KERNEL: at least one lower, at least two without an upper.
  const complete = lowers.length < (writable === undefined ? 2 : 1) ? [...lowers, "empty" as const] : lowers;
  using opened = new DisposableStack();
  const paths = complete.map((lower) =>
    lower === "empty" ? { fd: opened.use(openDirectoryPath(empty)).fd, path: "." } : lower,
  );
  using mount = await mountOf({ lowers: paths, writable }, ways);
  // KERNEL: overlay mounts read-only with no more than a line in the log when it can't use the work directory.
  if (writable !== undefined && filesystemStatus(mount.fd).readonly) throw unwritable(writable.work);
  return new OwnedFd(mount.move());
}

const leastFree = { blocks: 16, inodes: 4 } as const;

/** KERNEL: overlay creates a directory in the work directory; without disk space for it, the mount is read-only. */
function unwritable(work: MountSource): Failure {
  const { bavail, files, ffree } = statfsSync(procPath(work));
  const isFull = bavail < leastFree.blocks || (files > 0 && ffree < leastFree.inodes); // btrfs counts no inodes
  return isFull
    ? new Failure("exhausted", "cannot mount an overlay for writing: the disk is full")
    : new Failure(
        "unsupported",
        "cannot mount an overlay for writing: the kernel made it read-only (see dmesg)",
      );
}

/** Finds the form that works here by mounting; throws "unsupported" when this file system can't be used at all. */
export async function findLowerForm(directories: OverlayDirectories): Promise<LowerForm> {
  if (!isForcedAbsent("lowerdir+")) {
    try {
      (await mountOverlay(directories, { form: "append" }))[Symbol.dispose]();
      return "append";
    } catch {
      // The error of the other form is more precise: on a working kernel both have the same reason.
    }
  }
  try {
    (await mountOverlay(directories, { form: "join" }))[Symbol.dispose]();
    return "join";
  } catch (cause) {
    if (kindOf(cause) === "exhausted") throw cause;
    throw new Failure("unsupported", `cannot use the overlay driver here: ${sentenceOf(cause)}`, { cause });
  }
}

type Layers = Pick<OverlayDirectories, "lowers"> & {
  readonly writable: OverlayDirectories["writable"] | undefined;
};

async function mountOf({ lowers, writable }: Layers, { form, mountHelper }: OverlayWays): Promise<OwnedFd> {
  const detached = lowers.some((source) => source.detached === true);
  if (!detached || hasFeature("detached-lowers")) {
    using opened = new DisposableStack();
    const parameters = lowerParameters(lowers, { form, opened });
    if (parameters !== undefined) {
      const upper: FilesystemParameter[] =
        writable === undefined
          ? []
          : [
              ["upperdir", procPath(writable.upper)],
              ["workdir", procPath(writable.work)],
            ];
      return createFilesystem("overlay", [...parameters, ...upper, ...fixedParameters], {
        source: "overlay",
        attributes: writable === undefined ? MOUNT_ATTR_RDONLY : 0,
      });
    }
  }
  if (mountHelper !== undefined) {
    return await mountHelper.mountOverlay({
      lowers,
      writable,
      options: fixedParameters,
    });
  }
  throw new Failure(
    "unsupported",
    detached
      ? "cannot mount layers with the ids of a user namespace: this kernel takes them attached only"
      : `cannot mount ${lowers.length} layers: this kernel takes about 14 at once (Linux 6.7 and later: ${maxLowers})`,
  );
}

/** Undefined when they do not fit. */
function lowerParameters(
  lowers: readonly MountSource[],
  { form, opened }: { readonly form: LowerForm; readonly opened: DisposableStack },
): FilesystemParameter[] | undefined {
  if (form === "append") return lowers.map((source) => ["lowerdir+", procPath(source)]);
  if (lowers.length * "/proc/self/fd/9:".length > longestJoined) return undefined;
  const joined = lowers
    .map((source) => `/proc/self/fd/${opened.use(openDirectoryPath(procPath(source))).fd}`)
    .join(":");
  return joined.length > longestJoined ? undefined : [["lowerdir", joined]];
}

const longestJoined = 255;

/** SAFETY: the path below the descriptor is ours alone. */
function procPath({ fd, path }: MountSource): string {
  return `/proc/self/fd/${fd}/${path}`;
}

function readOnlyTree(path: string): OwnedFd {
  const tree = cloneTree(path);
  setMountAttributes(tree.fd, { set: MOUNT_ATTR_RDONLY });
  return tree;
}
