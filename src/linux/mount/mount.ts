import { Failure, within } from "../../base/failure.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FD,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  FSPICK_CLOEXEC,
  FSPICK_EMPTY_PATH,
  MNT_DETACH,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_IDMAP,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  UMOUNT_NOFOLLOW,
} from "../constants/mount.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW } from "../constants/open.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { attempt, call, isErrno } from "../kernel/syscall.ts";

/** The value of a parameter: text, a descriptor (FSCONFIG_SET_FD), or `true` for a flag. */
export type ParameterValue = string | Fd | true;
export type FilesystemParameter = readonly [key: string, value: ParameterValue];

export const propagations = ["private", "shared", "slave", "unbindable"] as const;

export type Propagation = (typeof propagations)[number];

const propagationFlags: Readonly<Record<Propagation, number>> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** fsconfig(2) takes text of up to 255 bytes. */
const longestTextBytes = 255;

/**
 * A new file system as a detached mount: nothing of it is on any mount table until it is moved, and it is gone
 * when its last descriptor is closed. Parameters apply in their order. A failure carries the kernel's own
 * message for this file system (fsopen(2), the context's log).
 */
export function createFilesystem(
  type: string,
  parameters: readonly FilesystemParameter[],
  options: {
    readonly attributes?: number | undefined;
    readonly source?: string | undefined;
    readonly kernel?: MountKernel | undefined;
  } = {},
): OwnedFd {
  const { source, attributes = 0, kernel = call } = options;
  using context = new OwnedFd(kernel("fsopen", type, FSOPEN_CLOEXEC));
  return withReason(context.fd, `cannot create a file system of type "${type}"`, () => {
    if (source !== undefined) setParameter(kernel, context.fd, "source", source);
    for (const [key, value] of parameters) setParameter(kernel, context.fd, key, value);
    kernel("fsconfig", context.fd, FSCONFIG_CMD_CREATE, null, null, 0);
    return new OwnedFd(kernel("fsmount", context.fd, FSMOUNT_CLOEXEC, attributes));
  });
}

/**
 * Changes the file system that the descriptor, of its root, is of: as `mount -o remount` does, also while it is
 * detached.
 */
export function reconfigureFilesystem(
  root: Fd,
  parameters: readonly FilesystemParameter[],
  { kernel = call }: { readonly kernel?: MountKernel | undefined } = {},
): void {
  using context = new OwnedFd(kernel("fspick", root, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
  withReason(context.fd, "cannot change a file system", () => {
    for (const [key, value] of parameters) setParameter(kernel, context.fd, key, value);
    kernel("fsconfig", context.fd, FSCONFIG_CMD_RECONFIGURE, null, null, 0);
  });
}

/** Whether this kernel has the file system, or can load it: fsopen(2) asks for its module. */
export function hasFilesystem(
  type: string,
  { kernel = call }: { readonly kernel?: MountKernel | undefined } = {},
): boolean {
  try {
    new OwnedFd(kernel("fsopen", type, FSOPEN_CLOEXEC))[Symbol.dispose]();
    return true;
  } catch (thrown) {
    if (isErrno(thrown, "ENODEV")) return false;
    throw thrown;
  }
}

/** Makes one of the calls fsopen, fsconfig, fsmount and fspick, as call() does; a test may have one of its own. */
export type MountKernel = typeof call;

/** Adds the kernel's message for the context to a failure of `work`. */
function withReason<Result>(contextFd: Fd, sentence: string, work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    const said = readMessages(contextFd);
    const failure = within(sentence, thrown);
    if (said === "") throw failure;
    throw new Failure(failure.kind, `${failure.message} (${said})`, { cause: thrown });
  }
}

function setParameter(kernel: MountKernel, contextFd: Fd, key: string, value: ParameterValue): void {
  if (value === true) {
    kernel("fsconfig", contextFd, FSCONFIG_SET_FLAG, key, null, 0);
  } else if (typeof value === "number") {
    kernel("fsconfig", contextFd, FSCONFIG_SET_FD, key, null, value);
  } else if (Buffer.byteLength(value) > longestTextBytes) {
    throw new Failure("invalid", `parameter "${key}" is longer than ${longestTextBytes} bytes: "${value}"`);
  } else {
    kernel("fsconfig", contextFd, FSCONFIG_SET_STRING, key, value, 0);
  }
}

/** The messages of a file system context, oldest first, without their "e " (error), "w " or "i " prefix. */
function readMessages(contextFd: Fd): string {
  const messages: string[] = [];
  const buffer = Buffer.alloc(1024);
  for (let count = 0; count < 16; count++) {
    const length = attempt("read", contextFd, buffer, buffer.length);
    if (length <= 0) break; // ENODATA: no more
    messages.push(
      buffer
        .toString("utf8", 0, length)
        .trim()
        .replace(/^[ewi] /, ""),
    );
  }
  return messages.join("; ");
}

/**
 * A detached copy of the mount that contains `source` (or of the tree below a path or an O_PATH descriptor). The
 * propagation of the whole tree becomes private before any process can attach it: a later mount in a container must not
 * reach the host through a shared peer. "keep" leaves it as it is. A symbolic link at the end of a path is not
 * followed.
 */
export function cloneTree(
  source: Fd | string,
  options: {
    readonly recursive?: boolean | undefined;
    readonly propagation?: Propagation | "keep" | undefined;
  } = {},
): OwnedFd {
  const { recursive = false, propagation = "private" } = options;
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  using tree = new OwnedFd(
    typeof source === "number"
      ? call("open_tree", source, "", flags | AT_EMPTY_PATH)
      : call("open_tree", AT_FDCWD, source, flags | AT_SYMLINK_NOFOLLOW),
  );
  if (propagation !== "keep") setMountAttributes(tree.fd, { propagation, recursive: true });
  return new OwnedFd(tree.move());
}

export interface MountAttributes {
  /** MOUNT_ATTR_* to set; setting an access time mode replaces the present one. */
  readonly set?: number | undefined;
  readonly clear?: number | undefined;
  readonly propagation?: Propagation | undefined;
  /** Makes it an idmapped mount with the ids of this user namespace; only while detached, and only once. */
  readonly usernsFd?: Fd | undefined;
  /** All mounts of the tree at once: either all change or none. */
  readonly recursive?: boolean | undefined;
}

/** Changes the mount that the descriptor is the root of: mount_setattr(2). */
export function setMountAttributes(fd: Fd, attributes: MountAttributes): void {
  const flags = AT_EMPTY_PATH | (attributes.recursive ? AT_RECURSIVE : 0);
  const encoded = encodeMountAttributes(attributes);
  call("mount_setattr", fd, "", flags, encoded, encoded.length);
}

/** `struct mount_attr` (32 bytes), for calls made here and for those in a plan. */
export function encodeMountAttributes(attributes: MountAttributes): Uint8Array {
  const { set = 0, clear = 0, propagation, usernsFd } = attributes;
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(usernsFd === undefined ? set : set | MOUNT_ATTR_IDMAP), true);
  view.setBigUint64(8, BigInt((set & MOUNT_ATTR__ATIME) === 0 ? clear : clear | MOUNT_ATTR__ATIME), true);
  view.setBigUint64(16, BigInt(propagation === undefined ? 0 : propagationFlags[propagation]), true);
  view.setBigUint64(24, BigInt(usernsFd ?? 0), true);
  return bytes;
}

/**
 * Attaches the mount `fromFd` at a path below a directory descriptor, or on the descriptor itself when the path
 * is empty. A symbolic link at the end of the path is not followed, so is a failure.
 */
export function moveMount(fromFd: Fd, toDirFd: Fd, toPath = ""): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | (toPath === "" ? MOVE_MOUNT_T_EMPTY_PATH : 0);
  call("move_mount", fromFd, "", toDirFd, toPath, flags);
}

/** Takes a mount off the mount table; "detach" (the default) lets open files finish. Never follows a link. */
export function unmount(path: string, options: { readonly mode?: "detach" | "now" | undefined } = {}): void {
  call("umount2", path, UMOUNT_NOFOLLOW | (options.mode === "now" ? 0 : MNT_DETACH));
}
