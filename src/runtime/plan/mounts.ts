import { posix } from "node:path";
import { Failure } from "../../base/failure.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "../../linux/constants/open.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MNT_DETACH,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_PRIVATE,
  MS_REC,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../../linux/constants/mount.ts";
import { errno } from "../../linux/kernel/errno.ts";
import { encodeMountAttributes, type MountAttributes } from "../../linux/mount/mount.ts";
import { AttachedMounts } from "./attached-mounts.ts";
import { addJumpOver, encodeOpenHow } from "./paths.ts";
import type { OpResult, PlanArgument, PlanBlob, PlanList } from "./plan.ts";

/** A mount of the container, ready to be planned. */
export type PlannedMount =
  | {
      readonly kind: "filesystem";
      readonly destination: string;
      readonly type: string;
      /** Keys with text, or without (flags), in their order. */
      readonly parameters: readonly (readonly [key: string, value?: string])[];
      readonly attributes: number;
      /** Absent: private. */
      readonly propagation?: MountAttributes["propagation"];
    }
  | {
      readonly kind: "tree";
      readonly destination: string;
      /** The detached clone, as the keeper inherits it. */
      readonly fd: number;
      readonly directory: boolean;
      /** The container's own /dev, made by the engine. */
      readonly isDevices?: boolean | undefined;
    }
  /** A file of the file system that ContainerInput.memoryFiles is. */
  | { readonly kind: "file"; readonly destination: string; readonly name: string }
  | { readonly kind: "link"; readonly destination: string; readonly target: string };

/** Where nothing may stand in for the real thing: a link in the image is refused there. */
const ownTargets: ReadonlySet<string> = new Set(["/proc", "/sys", "/dev"]);
const attach = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

/** KERNEL: mount_too_revealing(); only a new one in a user namespace meets it. */
const covered: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ["proc", "/proc"],
    ["sysfs", "/sys"],
  ].map(([type, path]) => [
    type,
    `the kernel makes no new ${type} in a user namespace where the engine itself sees only a part of ${path}: something is mounted over it, as in a container with masked paths (start that one with --security-opt systempaths=unconfined)`,
  ]),
);

/**
 * Creates all new file systems, detached; the descriptors by destination. (With a user namespace the kernel wants this
 * before the pivot.)
 */
export function addFilesystems(
  list: PlanList,
  mounts: readonly PlannedMount[],
): ReadonlyMap<PlannedMount, OpResult> {
  const made = new Map<PlannedMount, OpResult>();
  for (const mount of mounts) {
    if (mount.kind !== "filesystem") continue;
    const about = `mount ${mount.type} at "${mount.destination}"`;
    const context = list.add(about, "fsopen", [mount.type, FSOPEN_CLOEXEC]);
    for (const [key, value] of mount.parameters) {
      if (value === undefined)
        list.add(`${about} with "${key}"`, "fsconfig", [context, FSCONFIG_SET_FLAG, key, null, 0]);
      else
        list.add(`${about} with "${key}=${value}"`, "fsconfig", [
          context,
          FSCONFIG_SET_STRING,
          key,
          value,
          0,
        ]);
    }
    list.add(about, "fsconfig", [context, FSCONFIG_CMD_CREATE, null, null, 0]);
    const why = covered[mount.type];
    const mounted = list.add(
      about,
      "fsmount",
      [context, FSMOUNT_CLOEXEC, mount.attributes],
      why === undefined ? {} : { why: { [errno.EPERM]: why } },
    );
    if (mount.propagation !== undefined) {
      const attributes = encodeMountAttributes({ propagation: mount.propagation });
      list.add(about, "mount_setattr", [mounted, "", AT_EMPTY_PATH, attributes, attributes.length]);
    }
    made.set(mount, mounted);
  }
  return made;
}

/**
 * Clones of the files of a detached file system. KERNEL: before 6.15 only what is attached can be cloned: it is for
 * that moment, at a place in this namespace that is dropped, or covered, anyway. After addIsolation(), before
 * addPivot().
 */
export function addFileClones(
  list: PlanList,
  mounts: readonly PlannedMount[],
  { files, path }: { readonly files: number; readonly path: string },
): ReadonlyMap<PlannedMount, OpResult> {
  const made = new Map<PlannedMount, OpResult>();
  const about = "attach the files of secrets for a moment";
  list.add(about, "move_mount", [files, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH]);
  for (const mount of mounts) {
    if (mount.kind !== "file") continue;
    const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW;
    made.set(mount, list.add(`mount at "${mount.destination}"`, "open_tree", [files, mount.name, flags]));
  }
  list.add(about, "fchdir", [files]);
  list.add(about, "umount2", [".", MNT_DETACH]);
  return made;
}

/** Nothing that is mounted from here on reaches the host, also where its mounts are shared. */
export function addIsolation(list: PlanList): void {
  list.add("make the mounts private", "mount", [null, "/", null, MS_REC | MS_PRIVATE, null]);
}

/** The mask of files: the host's null device. */
export interface FileMasks {
  /** One for each path, or a single one that is cloned for each file. */
  readonly clones: readonly OpResult[];
  readonly areCloned: boolean;
}

const cloneItself = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;

/**
 * Clones of the host's null device, made while the host's tree is still there. SAFETY: whatever the image, or a volume,
 * has at /dev/null is never bound. KERNEL(6.15): before, a clone can't be cloned: each path that may have to be masked
 * gets one of its own, and one that is not used takes the kernel 0.03 ms to close.
 */
export function addMasks(
  list: PlanList,
  paths: readonly string[],
  { clonesDetached }: { readonly clonesDetached: boolean },
): FileMasks {
  if (paths.length === 0) return { clones: [], areCloned: false };
  const device = list.add("open the null device", "openat", [
    AT_FDCWD,
    "/dev/null",
    O_PATH | O_CLOEXEC | O_NOFOLLOW,
  ]);
  const clone = (about: string): OpResult => list.add(about, "open_tree", [device, "", cloneItself]);
  return clonesDetached
    ? { clones: [clone("clone the null device")], areCloned: true }
    : { clones: paths.map((path) => clone(`mask "${path}"`)), areCloned: false };
}

/**
 * Makes `root` the root of this mount namespace and drops the host's tree. The place it is attached at for a
 * moment is seen by this namespace only.
 */
export function addPivot(list: PlanList, root: number, path: string): void {
  const about = "make the root file system of the container";
  list.add(about, "move_mount", [root, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH]);
  list.add(about, "fchdir", [root]);
  list.add(about, "pivot_root", [".", "."]);
  list.add(about, "umount2", [".", MNT_DETACH]);
  list.add(about, "chdir", ["/"]);
}

/** Attaches every mount at its place, in their order; returns what is where now. */
export function addAttachments(
  list: PlanList,
  blob: PlanBlob,
  root: number,
  mounts: readonly PlannedMount[],
  made: ReadonlyMap<PlannedMount, OpResult>,
): AttachedMounts {
  const attached = new AttachedMounts(root, blob);
  for (const mount of mounts) {
    const about = `mount at "${mount.destination}"`;
    if (mount.kind === "link") {
      addLink(list, blob, attached, mount.destination, mount.target);
      continue;
    }
    const source: PlanArgument | undefined = mount.kind === "tree" ? mount.fd : made.get(mount);
    if (source === undefined) throw new Failure("internal", `cannot ${about}: it was not created`);
    const target = attached.addOpenTarget(list, blob, mount.destination, {
      about,
      kind: mount.kind === "file" || (mount.kind === "tree" && !mount.directory) ? "file" : "directory",
      symlinks: ownTargets.has(posix.resolve("/", mount.destination)) ? "refuse" : "follow",
    });
    list.add(about, "move_mount", [source, "", target, "", attach]);
    const isFresh = mount.kind === "filesystem" && mount.type === "tmpfs";
    attached.add(mount.destination, isFresh ? source : undefined);
    if (isFresh || (mount.kind === "tree" && mount.isDevices === true))
      attached.protect(list, source, mount.destination);
  }
  return attached;
}

/** A symbolic link; one that is there already stays. */
export function addLink(
  list: PlanList,
  blob: PlanBlob,
  attached: AttachedMounts,
  path: string,
  target: string,
): void {
  const about = `make the link "${path}"`;
  const parent = attached.addOpenDirectory(list, blob, posix.dirname(path), about);
  list.add(about, "symlinkat", [target, parent, posix.basename(path)], {
    skip: { errors: [errno.EEXIST], count: 0 },
  });
}

/** A symbolic link in place of what is there. SAFETY: the directory is opened in the root, and the name is no path. */
export function addReplacingLink(
  list: PlanList,
  blob: PlanBlob,
  attached: AttachedMounts,
  { path, target }: { readonly path: string; readonly target: string },
): void {
  const about = `make the link "${path}"`;
  const parent = attached.addOpenDirectory(list, blob, posix.dirname(path), about);
  const name = posix.basename(path);
  list.add(about, "unlinkat", [parent, name, 0], { skip: { errors: [errno.ENOENT], count: 0 } });
  list.add(about, "symlinkat", [target, parent, name]);
}

/**
 * The mode of a directory that exists. SAFETY: no link of an image leads to another one, by which a mount of the host
 * could be meant.
 */
export function addMode(
  list: PlanList,
  root: number,
  { path, mode }: { readonly path: string; readonly mode: number },
): void {
  const about = `set the mode of "${path}"`;
  const how = encodeOpenHow(
    O_RDONLY | O_DIRECTORY | O_CLOEXEC,
    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
  );
  list.addGuarded(about, "openat2", [root, path.slice(1), how, 24], [errno.ENOENT], (rest, found) => {
    rest.add(about, "fchmod", [found, mode]);
    rest.add(about, "close", [found]);
  });
}

function inRoot(path: string, flags: number): readonly PlanArgument[] {
  return [
    path.replace(/^\/+/, "") || ".",
    encodeOpenHow(O_PATH | O_CLOEXEC | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
    24,
  ];
}

/** Paths that exist are remounted read-only on themselves. */
export function addReadonlyPaths(list: PlanList, root: number, paths: readonly string[]): void {
  for (const path of paths) {
    const about = `make "${path}" read-only`;
    list.addGuarded(
      about,
      "openat2",
      [root, ...inRoot(path, 0)],
      [errno.ENOENT, errno.ENOTDIR],
      (rest, found) => {
        const clone = rest.add(about, "open_tree", [
          found,
          "",
          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH,
        ]);
        const readonly = encodeMountAttributes({ set: MOUNT_ATTR_RDONLY });
        rest.add(about, "mount_setattr", [clone, "", AT_EMPTY_PATH, readonly, readonly.length]);
        rest.add(about, "move_mount", [clone, "", found, "", attach]);
        rest.add(about, "close", [clone]);
        rest.add(about, "close", [found]);
      },
    );
  }
}

/** Hides paths that exist: files behind a null device, directories behind an empty read-only tmpfs. */
export function addMaskedPaths(
  list: PlanList,
  root: number,
  masks: FileMasks,
  paths: readonly string[],
): void {
  for (const [i, path] of paths.entries()) {
    const about = `mask "${path}"`;
    const notThere = [errno.ENOENT, errno.ENOTDIR];
    list.addGuarded(about, "openat2", [root, ...inRoot(path, O_DIRECTORY)], notThere, (rest, found) => {
      const context = rest.add(about, "fsopen", ["tmpfs", FSOPEN_CLOEXEC]);
      rest.add(about, "fsconfig", [context, FSCONFIG_SET_STRING, "size", "0", 0]);
      rest.add(about, "fsconfig", [context, FSCONFIG_SET_STRING, "nr_inodes", "1", 0], {
        expect: "anything",
      });
      rest.add(about, "fsconfig", [context, FSCONFIG_CMD_CREATE, null, null, 0]);
      const empty = rest.add(about, "fsmount", [context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY]);
      rest.add(about, "move_mount", [empty, "", found, "", attach]);
      for (const fd of [context, empty, found]) rest.add(about, "close", [fd]);
    });
    // A directory is masked by now: what is found here as a file is one.
    list.addGuarded(about, "openat2", [root, ...inRoot(path, 0)], notThere, (rest, found) => {
      // Looking up "." in a file fails with ENOTDIR: only then the rest runs.
      rest.add(about, "faccessat", [found, ".", 0], { skip: { errors: [errno.ENOTDIR], count: 1 } });
      addJumpOver(rest, about, () => {
        const mask = masks.areCloned
          ? rest.add(about, "open_tree", [masks.clones[0] ?? null, "", cloneItself])
          : (masks.clones[i] ?? null);
        rest.add(about, "move_mount", [mask, "", found, "", attach]);
      });
      rest.add(about, "close", [found]);
    });
  }
}
