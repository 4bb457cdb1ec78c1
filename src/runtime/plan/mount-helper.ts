import { Failure } from "../../base/failure.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from "../../linux/constants/mount.ts";
import { AT_FDCWD } from "../../linux/constants/open.ts";
import { type PlanBlob, PlanList } from "./plan.ts";
import { addBarrier, takeMount } from "./report.ts";

/** Directories are named by the tree that they are in, and a path below it. */
export interface MountHelperOverlay {
  /** Detached mounts, as the keeper inherits them. */
  readonly trees: readonly number[];
  /** From the topmost to the lowest. */
  readonly lowers: readonly TreePath[];
  readonly writable?: { readonly upper: TreePath; readonly work: TreePath } | undefined;
  readonly options: readonly (readonly [key: string, value: string])[];
  /** A host directory to attach the mount helper at; seen by its own namespace only. */
  readonly path: string;
}

export interface TreePath {
  readonly tree: number;
  readonly path: string;
}

/** mount(2) takes a page of options, and the NUL. */
const mostOptionBytes = 4095;

/**
 * Attaches the trees in a new mount namespace (the plan's clone flag), mounts an overlay of them, and waits at the
 * barrier `takeMount` with its detached copy. Layers have names of one to three digits: 500 of them fit into the page.
 * Pure.
 */
export function planMountHelper(order: MountHelperOverlay, blob: PlanBlob): PlanList {
  const list = new PlanList();
  const about = "set up a place for the layers";
  // Before anything is attached: nothing of it reaches the host, also where its mounts are shared.
  list.add(about, "mount", [null, "/", null, MS_REC | MS_PRIVATE, null]);
  const context = list.add(about, "fsopen", ["tmpfs", FSOPEN_CLOEXEC]);
  list.add(about, "fsconfig", [context, FSCONFIG_CMD_CREATE, null, null, 0]);
  const mountHelper = list.add(about, "fsmount", [context, FSMOUNT_CLOEXEC, 0]);
  list.add(about, "move_mount", [mountHelper, "", AT_FDCWD, order.path, MOVE_MOUNT_F_EMPTY_PATH]);
  list.add(about, "fchdir", [mountHelper]);
  for (const [i, tree] of order.trees.entries()) {
    list.add(about, "mkdirat", [AT_FDCWD, `t${i}`, 0o700]);
    list.add(about, "move_mount", [tree, "", AT_FDCWD, `t${i}`, MOVE_MOUNT_F_EMPTY_PATH]);
  }
  for (const [i, path] of order.lowers.entries())
    list.add(about, "symlinkat", [pathOf(path), AT_FDCWD, String(i)]);
  const mounting = `mount ${order.lowers.length} layers`;
  const options = formatOptions(order);
  if (Buffer.byteLength(options) > mostOptionBytes)
    throw new Failure("unsupported", `cannot ${mounting}: their names do not fit into a page`);
  list.add(mounting, "mkdirat", [AT_FDCWD, "overlay", 0o700]);
  const flags = order.writable === undefined ? MS_RDONLY : 0;
  list.add(mounting, "mount", ["overlay", "overlay", "overlay", flags, options]);
  const barrier = blob.reserve(16);
  list.add(mounting, "open_tree", [AT_FDCWD, "overlay", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], {
    store: { offset: barrier.offset + 8, bytes: 8 },
  });
  addBarrier(list, blob, barrier, takeMount, mounting);
  return list;
}

function formatOptions({ lowers, writable, options }: MountHelperOverlay): string {
  const all: (readonly [string, string])[] = [
    ["lowerdir", lowers.map((_, i) => String(i)).join(":")],
    ...(writable === undefined
      ? []
      : ([
          ["upperdir", pathOf(writable.upper)],
          ["workdir", pathOf(writable.work)],
        ] as const)),
    ...options,
  ];
  return all.map(([key, value]) => `${key}=${value}`).join(",");
}

function pathOf({ tree, path }: TreePath): string {
  return `t${tree}/${path}`;
}
