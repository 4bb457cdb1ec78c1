import { statfsSync } from "node:fs";
import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import {
  cloneTree,
  createFilesystem,
  type FilesystemParameter,
  setMountAttributes,
} from "../../linux/mount.ts";
import { MOUNT_ATTR_RDONLY } from "../../linux/constants/mount.ts";
import { OwnedFd } from "../../linux/fd.ts";
import { filesystemStatus } from "../../linux/filesystem-status.ts";
import { openDirectoryPath } from "../../linux/open.ts";
import { isForcedAbsent } from "../../linux/without.ts";

/** The kernel's OVL_MAX_STACK. */
export const maxLowers = 500;

/** Paths of directories that nobody but us can reach; lowers are from the topmost to the lowest. */
export interface OverlayDirectories {
  readonly lowers: readonly string[];
  /** Absent: read-only. `work` is empty and on the same file system as `upper`. */
  readonly writable?: { readonly upper: string; readonly work: string };
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
const fixedParameters: readonly FilesystemParameter[] = [
  ["index", "off"],
  ["metacopy", "off"],
  ["redirect_dir", "nofollow"],
];

/**
 * How lowers are named. KERNEL(6.7): "append", one `lowerdir+` each; before only "join", one `lowerdir` of all, which
 * fsconfig(2) limits to 255 bytes.
 */
export type LowerForm = "append" | "join";

/** A new overlay, detached. Throws "unsupported" for more lowers than this kernel takes. */
export function mountOverlay(directories: OverlayDirectories, form: LowerForm): OwnedFd {
  const { lowers, writable, empty } = directories;
  if (lowers.length > maxLowers) {
    throw new Failure(
      "unsupported",
      `cannot mount ${lowers.length} layers: overlay takes at most ${maxLowers}`,
    );
  }
  if (lowers.length === 0 && writable === undefined) return readOnlyTree(empty);
  // KERNEL: at least one lower, at least two without an upper.
  const complete = lowers.length < (writable === undefined ? 2 : 1) ? [...lowers, empty] : lowers;
  const upper: FilesystemParameter[] =
    writable === undefined
      ? []
      : [
          ["upperdir", writable.upper],
          ["workdir", writable.work],
        ];
  const options = { source: "overlay", attributes: writable === undefined ? MOUNT_ATTR_RDONLY : 0 };
  using mount = withLowers(complete, form, (lowerParameters) =>
    createFilesystem("overlay", [...lowerParameters, ...upper, ...fixedParameters], options),
  );
  // KERNEL: overlay mounts read-only with no more than a line in the log when it can't use the work directory.
  if (writable !== undefined && filesystemStatus(mount.fd).readonly) throw unwritable(writable.work);
  return new OwnedFd(mount.move());
}

const leastFree = { blocks: 16, inodes: 4 } as const;

/** KERNEL: overlay makes a directory in the work directory, and without room for it a mount that is read-only. */
function unwritable(work: string): Failure {
  const { bavail, files, ffree } = statfsSync(work);
  const isFull = bavail < leastFree.blocks || (files > 0 && ffree < leastFree.inodes); // btrfs counts no inodes
  return isFull
    ? new Failure("exhausted", "cannot mount an overlay for writing: the disk is full")
    : new Failure(
        "unsupported",
        "cannot mount an overlay for writing: the kernel made it read-only (see dmesg)",
      );
}

/** Finds the form that works here by mounting; throws "unsupported" when this file system can't be used at all. */
export function findLowerForm(directories: OverlayDirectories): LowerForm {
  if (!isForcedAbsent("lowerdir+")) {
    try {
      mountOverlay(directories, "append")[Symbol.dispose]();
      return "append";
    } catch {
      // The other form's failure tells more: on a good kernel both have the same reason.
    }
  }
  try {
    mountOverlay(directories, "join")[Symbol.dispose]();
    return "join";
  } catch (cause) {
    if (kindOf(cause) === "exhausted") throw cause;
    throw new Failure("unsupported", `cannot use the overlay driver here: ${sentenceOf(cause)}`, { cause });
  }
}

function withLowers(
  lowers: readonly string[],
  form: LowerForm,
  mount: (parameters: readonly FilesystemParameter[]) => OwnedFd,
): OwnedFd {
  if (form === "append") return mount(lowers.map((path) => ["lowerdir+", path]));
  using opened = new DisposableStack();
  const joined = lowers.map((path) => `/proc/self/fd/${opened.use(openDirectoryPath(path)).fd}`).join(":");
  if (joined.length > 255) {
    throw new Failure(
      "unsupported",
      `cannot mount ${lowers.length} layers: this kernel takes about 14 (Linux 6.7 and later: ${maxLowers})`,
    );
  }
  return mount([["lowerdir", joined]]);
}

function readOnlyTree(path: string): OwnedFd {
  const tree = cloneTree(path);
  setMountAttributes(tree.fd, { set: MOUNT_ATTR_RDONLY });
  return tree;
}
