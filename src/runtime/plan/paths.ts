import { posix } from "node:path";
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  S_IFREG,
} from "../../linux/constants/open.ts";
import { errno } from "../../linux/errno.ts";
import type { PlanArgument, PlanBlob, PlanList, Slot } from "./plan.ts";

/** `struct open_how` of openat2(2). */
export function encodeOpenHow(flags: number, mode: number, resolve: number): Uint8Array {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return how;
}

export interface TargetOptions {
  /** What is made when nothing is there. */
  readonly kind: "directory" | "file";
  readonly about: string;
  /** "refuse" where a link in the image would redirect what must be at this very place (/proc, /sys, /dev). */
  readonly symlinks?: "follow" | "refuse";
  /** Default true; false: what is missing is a failure. */
  readonly create?: boolean;
}

/**
 * Opens a path below the root (O_PATH), making what is missing component by component, and gives the place of
 * its descriptor. SAFETY: every look-up is openat2 inside of the root; a link can only lead to another
 * place of the same root.
 */
export function addOpenTarget(
  list: PlanList,
  blob: PlanBlob,
  root: PlanArgument,
  path: string,
  options: TargetOptions,
): { load: Slot } {
  const { kind, about, symlinks = "follow", create = true } = options;
  const slot = blob.reserve(4);
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (symlinks === "refuse" ? RESOLVE_NO_SYMLINKS : 0);
  const open = (below: string, flags: number): readonly PlanArgument[] => [
    root,
    below,
    encodeOpenHow(O_PATH | O_CLOEXEC | flags, 0, resolve),
    24,
  ];
  const components = posix
    .normalize(`/${path}`)
    .split("/")
    .filter((name) => name !== "");
  const whole = components.join("/") || ".";
  if (components.length === 0 || !create) {
    list.add(about, "openat2", open(whole, 0), { store: slot });
    return { load: slot };
  }
  list.add(about, "openat2", open(whole, 0), { store: slot, skip: { errors: [errno.ENOENT], count: 1 } });
  addJumpOver(list, about, () => {
    let parent: PlanArgument = root;
    components.forEach((name, i) => {
      if (i > 0) parent = list.add(about, "openat2", open(components.slice(0, i).join("/"), O_DIRECTORY));
      const existing = { skip: { errors: [errno.EEXIST], count: 0 } };
      if (kind === "file" && i === components.length - 1)
        list.add(about, "mknodat", [parent, name, S_IFREG | 0o644, 0], existing);
      else list.add(about, "mkdirat", [parent, name, 0o755], existing);
    });
    list.add(about, "openat2", open(whole, 0), { store: slot });
  });
  return { load: slot };
}

/** Ops that run only when the op before skipped this jump. The jump is a call that always fails: close(−1). */
export function addJumpOver(list: PlanList, about: string, rest: () => void): void {
  const at = list.ops.length;
  const jump = { call: "close", args: [-1], about } as const;
  list.ops.push(jump);
  rest();
  list.ops[at] = { ...jump, skip: { errors: [errno.EBADF], count: list.ops.length - at - 1 } };
}
