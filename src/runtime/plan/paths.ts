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
import { errno } from "../../linux/kernel/errno.ts";
import type { PlanArgument, PlanBlob, PlanList, Slot } from "./plan.ts";

const hows = new Map<number, Uint8Array>();

/** `struct open_how` of openat2(2). Must not be modified: the cache returns it again for the same arguments. */
export function encodeOpenHow(flags: number, resolve: number): Uint8Array {
  const key = flags + resolve * 2 ** 32;
  let how = hows.get(key);
  if (how === undefined) hows.set(key, (how = newOpenHow(flags, resolve)));
  return how;
}

function newOpenHow(flags: number, resolve: number): Uint8Array {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return how;
}

export interface TargetOptions {
  /** The kind of file to create when it is missing. */
  readonly kind: "directory" | "file";
  readonly about: string;
  /** "refuse" where a link in the image would redirect what must be at this very place (/proc, /sys, /dev). */
  readonly symlinks?: "follow" | "refuse" | undefined;
  /** Default true; false: what is missing is a failure. */
  readonly create?: boolean | undefined;
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
  const slot = blob.reserve(4);
  addOpenInto(list, slot, { root, path, options });
  return { load: slot };
}

/**
 * As addOpenTarget(), with checks of the opened target where its path has symbolic links or had to be made. A path that
 * exists and has no links, as most do, costs no more calls.
 */
export function addOpenChecked(
  list: PlanList,
  slot: Slot,
  {
    root,
    path,
    options,
    check,
  }: {
    readonly root: PlanArgument;
    readonly path: string;
    readonly options: TargetOptions;
    readonly check: (target: PlanArgument) => void;
  },
): { load: Slot } {
  const { about } = options;
  const direct = openArguments(root, componentsOf(path), { symlinks: "refuse" });
  list.add(about, "openat2", direct, {
    store: slot,
    skip: { errors: [errno.ELOOP, errno.ENOENT], count: 1 },
  });
  addJumpOver(list, about, () => {
    addOpenInto(list, slot, { root, path, options });
    check({ load: slot });
  });
  return { load: slot };
}

function componentsOf(path: string): readonly string[] {
  return posix
    .normalize(`/${path}`)
    .split("/")
    .filter((name) => name !== "");
}

function openArguments(
  root: PlanArgument,
  components: readonly string[],
  { symlinks, flags = 0 }: { readonly symlinks: "follow" | "refuse"; readonly flags?: number | undefined },
): readonly PlanArgument[] {
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (symlinks === "refuse" ? RESOLVE_NO_SYMLINKS : 0);
  return [root, components.join("/") || ".", encodeOpenHow(O_PATH | O_CLOEXEC | flags, resolve), 24];
}

function addOpenInto(
  list: PlanList,
  slot: Slot,
  {
    root,
    path,
    options,
  }: { readonly root: PlanArgument; readonly path: string; readonly options: TargetOptions },
): void {
  const { kind, about, symlinks = "follow", create = true } = options;
  const components = componentsOf(path);
  const whole = openArguments(root, components, { symlinks });
  // Without links there is no "..", and so no race to lose.
  const tries = symlinks === "refuse" ? 1 : mostTries;
  if (components.length === 0 || !create) {
    addTries(list, about, whole, { slot, tries });
    return;
  }
  addTries(list, about, whole, {
    slot,
    tries,
    whenMissing: () => {
      let parent: PlanArgument = root;
      components.forEach((name, i) => {
        if (i > 0) {
          const above = openArguments(root, components.slice(0, i), { symlinks, flags: O_DIRECTORY });
          parent = list.add(about, "openat2", above);
        }
        const existing = { skip: { errors: [errno.EEXIST], count: 0 } };
        if (kind === "file" && i === components.length - 1)
          list.add(about, "mknodat", [parent, name, S_IFREG | 0o644, 0], existing);
        else list.add(about, "mkdirat", [parent, name, 0o755], existing);
      });
      list.add(about, "openat2", whole, { store: slot });
    },
  });
}

/** openat2(2) returns EAGAIN when a concurrent rename or mount on the host makes a ".." of a link unsafe to resolve. */
const mostTries = 3;

/**
 * Adds the call and repeats it on EAGAIN; its result goes to the slot. `whenMissing`: the replacement on ENOENT (once:
 * a link with ".." to a missing target is rare, and a plan contains at most 8192 calls). On success, all but the last
 * try jump behind this code.
 */
function addTries(
  list: PlanList,
  about: string,
  args: readonly PlanArgument[],
  options: { readonly slot: Slot; readonly tries: number; readonly whenMissing?: (() => void) | undefined },
): void {
  const { slot, tries, whenMissing } = options;
  const missing = whenMissing === undefined ? [] : [errno.ENOENT];
  const attempt = (left: number): void => {
    if (left > 1) {
      list.add(about, "openat2", args, {
        store: slot,
        skip: { errors: [errno.EAGAIN, ...missing], count: 1 },
      });
      addJumpOver(list, about, () => attempt(left - 1));
    } else if (whenMissing === undefined) {
      list.add(about, "openat2", args, { store: slot });
    } else {
      list.add(about, "openat2", args, { store: slot, skip: { errors: missing, count: 1 } });
      addJumpOver(list, about, whenMissing);
    }
  };
  attempt(tries);
}

/** Ops that run only when the op before skipped this jump. The jump is a call that always fails: close(−1). */
export function addJumpOver(list: PlanList, about: string, rest: () => void): void {
  const at = list.ops.length;
  const jump = { call: "close", args: [-1], about } as const;
  list.ops.push(jump);
  rest();
  list.ops[at] = { ...jump, skip: { errors: [errno.EBADF], count: list.ops.length - at - 1 } };
}
